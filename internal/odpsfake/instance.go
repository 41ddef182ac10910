package odpsfake

import (
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxResult is how many rows ?result= gives, without saying that it cut.
const maxResult = 10_000

// maxQuery is the longest statement in bytes.
const maxQuery = 2 << 20

// instance is one job.
type instance struct {
	job       Job
	task      string
	faults    *Faults
	zone      *time.Location
	start     time.Time
	polls     int
	cancelled bool
	answer    *answer
	// err is why the job fails.
	err string
}

func (i *instance) ended() bool {
	return i.cancelled || i.faults.Slow >= 0 && i.polls >= i.faults.Slow+i.faults.Idle
}

func (i *instance) failure() string {
	if i.faults.Error != "" {
		return i.faults.Error
	}
	return i.err
}

// status is the task's.
func (i *instance) status() string {
	switch {
	case i.cancelled:
		return "CANCELLED"
	case !i.ended():
		return "RUNNING"
	case i.faults.Status != "":
		return i.faults.Status
	case i.failure() != "":
		return "FAILED"
	}
	return "SUCCESS"
}

func (i *instance) instanceStatus() string {
	if i.ended() {
		return "Terminated"
	}
	return "Running"
}

type jobDocument struct {
	XMLName xml.Name `xml:"Instance"`
	Job     struct {
		Name     string
		Priority *int
		Guid     string
		Tasks    struct {
			SQL struct {
				Name   string
				Config struct {
					Property []struct{ Name, Value string }
				}
				Query string
			}
		}
	}
}

// inOrder checks that the children of each known element come in the order that
// the service wants, and are known.
func inOrder(doc []byte) error {
	want := map[string][]string{
		"": {"Instance"}, "Instance": {"Job"}, "Job": {"Name", "Priority", "Guid", "Tasks"}, "Tasks": {"SQL"},
		"SQL": {"Name", "Config", "Query"}, "Config": {"Property"}, "Property": {"Name", "Value"},
		"Name": {}, "Priority": {}, "Guid": {}, "Query": {}, "Value": {},
	}
	d := xml.NewDecoder(strings.NewReader(string(doc)))
	stack, last := []string{""}, []int{0}
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			parent := stack[len(stack)-1]
			at := slices.Index(want[parent], t.Name.Local)
			if at < last[len(last)-1] {
				return fmt.Errorf("element %s inside %s is unknown or out of order", t.Name.Local, parent)
			}
			last[len(last)-1] = at
			stack, last = append(stack, t.Name.Local), append(last, 0)
		case xml.EndElement:
			stack, last = stack[:len(stack)-1], last[:len(last)-1]
		}
	}
}

func (s *Server) submit(w http.ResponseWriter, r *http.Request) *failure {
	body, err := io.ReadAll(r.Body)
	var doc jobDocument
	if r.Header.Get("Content-Type") != "application/xml" {
		return s.refuse(r, "the content type is not application/xml")
	}
	if err == nil {
		err = inOrder(body)
	}
	if err == nil {
		err = xml.Unmarshal(body, &doc)
	}
	if err != nil {
		return s.refuse(r, err.Error())
	}
	sql := doc.Job.Tasks.SQL
	properties := map[string]string{}
	for _, p := range sql.Config.Property {
		properties[p.Name] = p.Value
	}
	settings := map[string]string{}
	switch {
	case doc.Job.Priority == nil || *doc.Job.Priority < 0 || *doc.Job.Priority > 9:
		return s.refuse(r, "Priority is not 0 to 9")
	case sql.Name == "" || properties["type"] != "sql" || properties["uuid"] == "":
		return s.refuse(r, "the task has no name, type or uuid")
	case len(sql.Query) > maxQuery:
		return &failure{400, "ParseError", "ODPS-0130161:[1,1] Parse exception - the statement is longer than 2 MB"} // the code is a guess
	case properties["settings"] != "" && json.Unmarshal([]byte(properties["settings"]), &settings) != nil:
		return s.refuse(r, "settings is no JSON object of texts")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.faults[plain(sql.Query)]
	if f == nil {
		f = &Faults{}
	}
	if take(&f.Throttle) {
		return &failure{429, "FlowExceeded", "ODPS-0010000:System internal error - too many requests"} // the text is a guess
	}
	id, known := s.guids[doc.Job.Guid]
	if !known {
		id = s.run(f, Job{
			Name: doc.Job.Name, Guid: doc.Job.Guid, Query: sql.Query, Priority: *doc.Job.Priority, Settings: settings,
		}, sql.Name)
	}
	if f.Submitting != nil {
		f.Submitting()
	}
	if take(&f.LoseSubmit) {
		drop(w)
		return nil
	}
	w.Header().Set("Location", s.rest.URL+"/api/projects/"+s.o.Project+"/instances/"+id)
	w.WriteHeader(http.StatusCreated)
	return nil
}

// run makes an instance. s.mu is held.
func (s *Server) run(f *Faults, job Job, task string) string {
	start := s.o.Now().UTC()
	job.ID = start.Format("20060102150405") + fmt.Sprintf("%03dg%06d", start.Nanosecond()/1e6, len(s.order)+1)
	i := &instance{job: job, task: task, faults: f, start: start, zone: s.o.Zone}
	if name := job.Settings["odps.sql.timezone"]; name != "" {
		zone, err := time.LoadLocation(name)
		if err != nil {
			i.err = "ODPS-0130071:[0,0] Semantic analysis exception - invalid time zone" // a guess
		} else {
			i.zone = zone
		}
	}
	if i.err == "" {
		i.answer, i.err = s.execute(job.Query, job.Settings, i.zone)
	}
	s.instances[job.ID] = i
	s.order = append(s.order, job.ID)
	if job.Guid != "" {
		s.guids[job.Guid] = job.ID
	}
	return job.ID
}

func (s *Server) cancel(r *http.Request, i *instance) *failure {
	var doc struct {
		XMLName xml.Name `xml:"Instance"`
		Status  string
	}
	if err := xml.NewDecoder(r.Body).Decode(&doc); err != nil || doc.Status != "Terminated" || r.Header.Get("Content-Type") != "application/xml" {
		return s.refuse(r, "the body is not the one of a cancel call")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i.job.Cancels++
	if i.ended() {
		return &failure{409, "InvalidStateSetting", "ODPS-0420096: the instance has ended"} // a guess
	}
	i.cancelled = true
	return nil
}

func (s *Server) describe(w http.ResponseWriter, i *instance) *failure {
	s.mu.Lock()
	status, start := i.instanceStatus(), i.start
	s.mu.Unlock()
	end := ""
	if status == "Terminated" {
		end = start.Add(time.Second).Format(http.TimeFormat)
	}
	w.Header().Set("x-odps-owner", "owner")
	w.Header().Set("x-odps-start-time", start.Format(http.TimeFormat))
	w.Header().Set("x-odps-end-time", end)
	return writeXML(w, struct {
		XMLName xml.Name `xml:"Instance"`
		Status  string
	}{Status: status})
}

type taskDocument struct {
	Type      string `xml:"Type,attr"`
	Name      string
	StartTime string
	EndTime   string
	Status    string
	Histories struct{}
}

func (s *Server) poll(w http.ResponseWriter, i *instance) *failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case take(&i.faults.FailPolls):
		return &failure{503, "ServiceUnavailable", "ODPS-0010000:System internal error - try again"}
	case take(&i.faults.DropPolls):
		drop(w)
		return nil
	}
	doc := struct {
		XMLName xml.Name       `xml:"Instance"`
		Status  string         `xml:"Status"`
		Tasks   []taskDocument `xml:"Tasks>Task"`
	}{Status: i.instanceStatus()}
	if i.polls >= i.faults.Idle {
		t := taskDocument{Type: "SQL", Name: i.task, StartTime: i.start.Format(http.TimeFormat), Status: i.status()}
		if i.ended() {
			t.EndTime = i.start.Add(time.Second).Format(http.TimeFormat)
		}
		if len(t.Status) > 1 && t.Status == strings.ToUpper(t.Status) {
			// The case of the letters is not fixed.
			t.Status = t.Status[:1] + strings.ToLower(t.Status[1:])
		}
		doc.Tasks = append(doc.Tasks, t)
	}
	i.polls++
	return writeXML(w, doc)
}

func (s *Server) result(w http.ResponseWriter, i *instance) *failure {
	s.mu.Lock()
	status, text, ended := i.status(), i.failure(), i.ended()
	s.mu.Unlock()
	type result struct {
		Transform string `xml:"Transform,attr,omitempty"`
		Format    string `xml:"Format,attr"`
		Text      string `xml:",cdata"`
	}
	type task struct {
		Type   string `xml:"Type,attr"`
		Name   string
		Status string
		Result result
	}
	doc := struct {
		XMLName xml.Name `xml:"Instance"`
		Tasks   []task   `xml:"Tasks>Task"`
	}{}
	t := task{Type: "SQL", Name: i.task, Status: status, Result: result{Format: "text", Text: text}}
	if status == "SUCCESS" {
		t.Result = result{"Base64", "csv", base64.StdEncoding.EncodeToString([]byte(i.answer.csv(i.zone)))}
		if i.answer.text != "" {
			t.Result = result{"Base64", "text", base64.StdEncoding.EncodeToString([]byte(i.answer.text))}
		}
	}
	if ended {
		doc.Tasks = append(doc.Tasks, t)
	}
	return writeXML(w, doc)
}

// csv is the result as text. A NULL cannot be told from the text \N.
func (a *answer) csv(zone *time.Location) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	line := make([]string, len(a.columns))
	for n, c := range a.columns {
		line[n] = c.Name
	}
	_ = w.Write(line)
	for n, row := range a.rows {
		if n == maxResult {
			break
		}
		for k, v := range row {
			line[k] = `\N`
			if v != nil {
				line[k] = asText(a.types[k], v, zone)
			}
		}
		_ = w.Write(line)
	}
	w.Flush()
	return b.String()
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) *failure {
	q := r.URL.Query()
	if o := q.Get("onlyowner"); o != "yes" && o != "no" {
		return s.refuse(r, "onlyowner is neither yes nor no")
	}
	type entry struct{ Name, Owner, StartTime, EndTime, Status string }
	doc := struct {
		XMLName  xml.Name `xml:"Instances"`
		Marker   string
		MaxItems int
		Instance []entry
	}{MaxItems: 100}
	s.mu.Lock()
	defer s.mu.Unlock()
	first := 0
	if m := q.Get("marker"); m != "" {
		if first = slices.Index(s.order, m); first < 0 {
			first = len(s.order)
		}
	}
	for n := first; n < len(s.order); n++ {
		i := s.instances[s.order[n]]
		if st := q.Get("status"); st != "" && st != i.instanceStatus() {
			continue
		}
		if !within(i.start, q.Get("daterange")) {
			continue
		}
		if len(doc.Instance) == doc.MaxItems {
			doc.Marker = s.order[n]
			break
		}
		e := entry{i.job.ID, "owner", i.start.Format(http.TimeFormat), "", i.instanceStatus()}
		if i.ended() {
			e.EndTime = i.start.Add(time.Second).Format(http.TimeFormat)
		}
		doc.Instance = append(doc.Instance, e)
	}
	return writeXML(w, doc)
}

// within reads from:to in seconds since 1970, either of which may be missing.
func within(t time.Time, dates string) bool {
	from, to, _ := strings.Cut(dates, ":")
	if n, err := strconv.ParseInt(from, 10, 64); err == nil && t.Unix() < n {
		return false
	}
	n, err := strconv.ParseInt(to, 10, 64)
	return err != nil || t.Unix() <= n
}

// Token is the bearer token that is part of a log view's address.
const Token = "bearer-of-the-log-view"

func (s *Server) bearer(w http.ResponseWriter, r *http.Request) *failure {
	var policy struct {
		Hours  int `json:"expires_in_hours"`
		Policy struct {
			Statement []struct {
				Action   []string
				Effect   string
				Resource string
			}
			Version string
		} `json:"policy"`
	}
	if err := json.NewDecoder(r.Body).Decode(&policy); err != nil || policy.Hours < 1 || len(policy.Policy.Statement) != 1 {
		return s.refuse(r, "the body is no policy")
	}
	st := policy.Policy.Statement[0]
	id, ok := strings.CutPrefix(st.Resource, "acs:odps:*:projects/"+s.o.Project+"/instances/")
	s.mu.Lock()
	known := s.instances[id] != nil
	s.mu.Unlock()
	if !ok || !known || st.Effect != "Allow" || !slices.Equal(st.Action, []string{"odps:Read"}) {
		return s.refuse(r, "the policy does not allow reading an instance")
	}
	return writeXML(w, struct {
		XMLName xml.Name `xml:"Authorization"`
		Result  string
	}{Result: Token})
}
