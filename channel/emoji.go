package channel

import "strings"

// Emoji is the Unicode emoji of a text that is nothing but the name in brackets
// of one of DingTalk's own, such as "[微笑]"; otherwise it is empty. DingTalk
// shows such a name as a picture, every other service the emoji.
//
// In a message an author's name is a Text of its own, and no other Text is
// exactly a name, so that a value that looks like one stays what it is. Who makes
// a Text of a value uses [Literal]. In titles, cells and other strings an
// author's name is the emoji already.
//
// DingTalk publishes no list: the names are those of its emoji panel.
func (t Text) Emoji() string {
	if len(t) < 3 || len(t) > maxEmojiName+2 || t[0] != '[' || t[len(t)-1] != ']' {
		return ""
	}
	return emojis[string(t[1:len(t)-1])]
}

// Show is what a Text shows where DingTalk's names are not known: the emoji of a
// name, and any other text as it is.
func (t Text) Show() string {
	if e := t.Emoji(); e != "" {
		return e
	}
	return string(t)
}

// Literal is s as texts that show its characters, even where s is the name of
// an emoji. Empty text is no node.
func Literal(s string) []Inline {
	switch {
	case s == "":
		return nil
	case Text(s).Emoji() != "":
		return []Inline{Text(s[:1]), Text(s[1:])}
	default:
		return []Inline{Text(s)}
	}
}

// EmojiName is the length of the name in brackets that s begins with, 0 when it
// begins with none.
func EmojiName(s string) int {
	if s == "" || s[0] != '[' {
		return 0
	}
	end := strings.IndexByte(s[:min(len(s), maxEmojiName+2)], ']')
	if end < 0 || Text(s[:end+1]).Emoji() == "" {
		return 0
	}
	return end + 1
}

// maxEmojiName is the length of the longest name in bytes, with some to spare.
const maxEmojiName = 18

var emojis = map[string]string{
	"微笑": "🙂", "憨笑": "😄", "色": "😍", "发呆": "😳", "老板": "😎", "流泪": "😢", "害羞": "☺️", "闭嘴": "🤐", "睡": "😴", "大哭": "😭",
	"尴尬": "😅", "调皮": "😜", "大笑": "😁", "惊讶": "😮", "流汗": "😓", "广播": "📢", "自信": "😏", "你强": "👍", "怒吼": "😡", "惊愕": "😨",
	"疑问": "❓", "赞同": "👍", "鼓掌": "👏", "握手": "🤝", "无聊": "😑", "没理": "🙄", "傻笑": "😆", "飞吻": "😘", "送花": "💐", "对不起": "🙇",
	"再见": "👋", "投降": "🏳️", "哼": "😤", "欠扁": "😝", "坏笑": "😈", "拜托": "🙏", "可怜": "🥺", "舒服": "😌", "爱意": "🥰", "亲亲": "😚",
	"抓狂": "😫", "白眼": "🙄", "恐惧": "😱", "鬼脸": "👻", "思考": "🤔", "晕": "😵", "生病": "🤒", "感冒": "🤧", "捂脸": "🤦", "偷笑": "🤭",
	"笑哭": "😂", "狗子": "🐶", "胜利": "✌️", "抱拳": "🙏", "OK": "👌", "强": "👍", "弱": "👎", "合十": "🙏", "加油": "💪", "爱心": "❤️",
	"心碎": "💔", "红唇": "💋", "玫瑰": "🌹", "残花": "🥀", "咖啡": "☕", "蛋糕": "🎂", "礼物": "🎁", "红包": "🧧", "烟花": "🎆", "炸弹": "💣",
	"火": "🔥", "月亮": "🌙", "太阳": "☀️", "对勾": "✅", "错误": "❌", "闹钟": "⏰", "电话": "📞", "邮件": "📧", "钉子": "📌", "灯笼": "🏮",
}
