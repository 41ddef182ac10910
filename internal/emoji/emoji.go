// Package emoji knows the names in brackets, such as [微笑], that DingTalk shows
// as small pictures, and the Unicode emoji that come nearest. DingTalk gets the
// names as they were written; every other channel gets the emoji.
//
// DingTalk publishes no list. The names are those of its emoji panel; a name
// that is not here stays text.
package emoji

import "strings"

// maxName is the length of the longest name in bytes.
const maxName = 18

// At reports the length of the bracketed name that s begins with, brackets
// included, and its emoji; 0 when s begins with none.
func At(s string) (n int, unicode string) {
	if len(s) < 3 || s[0] != '[' {
		return 0, ""
	}
	end := strings.IndexByte(s[:min(len(s), maxName+2)], ']')
	if end < 0 {
		return 0, ""
	}
	if u, ok := names[s[1:end]]; ok {
		return end + 1, u
	}
	return 0, ""
}

// Replace puts the emoji in the place of each name.
func Replace(s string) string {
	from := 0
	var b strings.Builder
	for i := strings.IndexByte(s, '['); i >= 0 && i < len(s); {
		if n, u := At(s[i:]); n > 0 {
			b.WriteString(s[from:i])
			b.WriteString(u)
			i += n
			from = i
		} else {
			i++
		}
		next := strings.IndexByte(s[i:], '[')
		if next < 0 {
			break
		}
		i += next
	}
	if from == 0 {
		return s
	}
	b.WriteString(s[from:])
	return b.String()
}

var names = map[string]string{
	"微笑": "🙂", "憨笑": "😄", "色": "😍", "发呆": "😳", "老板": "😎", "流泪": "😢", "害羞": "☺️", "闭嘴": "🤐", "睡": "😴", "大哭": "😭",
	"尴尬": "😅", "调皮": "😜", "大笑": "😁", "惊讶": "😮", "流汗": "😓", "广播": "📢", "自信": "😏", "你强": "👍", "怒吼": "😡", "惊愕": "😨",
	"疑问": "❓", "赞同": "👍", "鼓掌": "👏", "握手": "🤝", "无聊": "😑", "没理": "🙄", "傻笑": "😆", "飞吻": "😘", "送花": "💐", "对不起": "🙇",
	"再见": "👋", "投降": "🏳️", "哼": "😤", "欠扁": "😝", "坏笑": "😈", "拜托": "🙏", "可怜": "🥺", "舒服": "😌", "爱意": "🥰", "亲亲": "😚",
	"抓狂": "😫", "白眼": "🙄", "恐惧": "😱", "鬼脸": "👻", "思考": "🤔", "晕": "😵", "生病": "🤒", "感冒": "🤧", "捂脸": "🤦", "偷笑": "🤭",
	"笑哭": "😂", "狗子": "🐶", "胜利": "✌️", "抱拳": "🙏", "OK": "👌", "强": "👍", "弱": "👎", "合十": "🙏", "加油": "💪", "爱心": "❤️",
	"心碎": "💔", "红唇": "💋", "玫瑰": "🌹", "残花": "🥀", "咖啡": "☕", "蛋糕": "🎂", "礼物": "🎁", "红包": "🧧", "烟花": "🎆", "炸弹": "💣",
	"火": "🔥", "月亮": "🌙", "太阳": "☀️", "对勾": "✅", "错误": "❌", "闹钟": "⏰", "电话": "📞", "邮件": "📧", "钉子": "📌", "灯笼": "🏮",
}
