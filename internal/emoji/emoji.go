// Package emoji knows the emoji that DingTalk writes as names in brackets, such
// as [微笑]. DingTalk shows them from their names; everywhere else the nearest
// Unicode emoji stands in.
package emoji

import "strings"

// maxName is the number of bytes of the longest name.
const maxName = 12

// Replace puts Unicode emoji in place of the bracket names that Lookup knows.
// Everything else stays as it is, other text in brackets too.
func Replace(s string) string {
	if !strings.Contains(s, "[") {
		return s
	}
	var b strings.Builder
	done := 0
	for i := 0; i < len(s); i++ {
		if s[i] != '[' {
			continue
		}
		end := strings.IndexByte(s[i+1:min(len(s), i+maxName+2)], ']')
		if end < 0 {
			continue
		}
		e, ok := Lookup(s[i+1 : i+1+end])
		if !ok {
			continue
		}
		b.WriteString(s[done:i])
		b.WriteString(e)
		i += end + 1
		done = i + 1
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

// Lookup gives the Unicode emoji for a DingTalk name without its brackets.
func Lookup(name string) (string, bool) {
	e, ok := table[name]
	return e, ok
}

// table holds the names of DingTalk's picker and of its message texts.
var table = map[string]string{
	"微笑": "🙂", "憨笑": "😄", "大笑": "😆", "偷笑": "🤭", "坏笑": "😏", "呲牙": "😁", "笑哭": "😂", "捂脸哭": "🤦",
	"开心": "😀", "愉快": "😊", "可爱": "☺️", "色": "😍", "亲亲": "😘", "飞吻": "😘", "爱意": "🥰", "害羞": "😳",
	"得意": "😎", "自信": "😎", "推眼镜": "🤓", "傲慢": "😤", "调皮": "😜", "鬼脸": "😝", "眨眼": "😉", "悠闲": "😌",
	"发呆": "😐", "闭嘴": "🤐", "无聊": "😑", "白眼": "🙄", "鄙视": "😒", "撇嘴": "😕", "嘘": "🤫", "思考": "🤔",
	"疑问": "❓", "尴尬": "😅", "流汗": "😓", "擦汗": "😅", "汗": "😓", "惊讶": "😮", "惊愕": "😲", "惊恐": "😱",
	"吓": "😨", "晕": "😵", "抓狂": "😫", "忙疯了": "🤯", "裂开": "💔", "发怒": "😡", "怒吼": "😡", "生气": "😠",
	"咒骂": "🤬", "欠扁": "😈", "阴险": "😏", "单挑": "🤺", "难过": "🙁", "委屈": "🥺", "可怜": "🥺", "快哭了": "😢",
	"流泪": "😢", "大哭": "😭", "衰": "😞", "囧": "😖", "跪了": "🧎", "投降": "🏳️", "流鼻血": "🤧", "吐": "🤮",
	"生病": "😷", "困": "😪", "睡": "😴", "哈欠": "🥱", "再见": "👋", "抠鼻": "🤏", "敲打": "🔨", "骷髅": "💀",
	"暗中观察": "👀", "吃瓜": "🍉", "在吗": "👋", "收到": "🫡", "奋斗": "💪", "加油": "💪", "加班": "🌃", "灵感": "💡",

	"赞": "👍", "强": "👍", "你强": "👍", "弱": "👎", "差劲": "👎", "OK": "👌", "胜利": "✌️", "耶": "✌️",
	"握手": "🤝", "抱拳": "🙏", "感谢": "🙏", "祈祷": "🙏", "鼓掌": "👏", "拳头": "👊", "勾引": "👈", "爱你": "🤟",
	"拥抱": "🤗", "抱抱": "🤗", "击掌": "🙌", "举手": "🙋", "老板": "🤵", "广播": "📢", "对勾": "✅",

	"爱心": "❤️", "心碎": "💔", "嘴唇": "👄", "玫瑰": "🌹", "鲜花": "💐", "凋谢": "🥀", "太阳": "☀️", "月亮": "🌙",
	"闪电": "⚡", "炸弹": "💣", "菜刀": "🔪", "便便": "💩", "猪头": "🐷", "瓢虫": "🐞", "熊猫": "🐼",
	"咖啡": "☕", "啤酒": "🍺", "干杯": "🍻", "饭": "🍚", "西瓜": "🍉", "蛋糕": "🎂", "礼物": "🎁", "红包": "🧧",
	"烟花": "🎆", "鞭炮": "🧨", "庆祝": "🎉", "撒花": "🎉", "奖杯": "🏆",
	"足球": "⚽", "篮球": "🏀", "乒乓": "🏓",
}
