"""What the chat tab says: key -> (English, Chinese)."""

from __future__ import annotations

TEXTS = {
    "chat.title": ("Chat", "聊天"),
    "chat.new": ("New chat", "新对话"),
    "chat.search": ("Search conversations", "搜索对话"),
    "chat.none": (
        "Nothing here yet. What you say is kept on this machine only.",
        "还没有内容。你说的话只保存在这台电脑上。",
    ),
    "chat.none_found": ("No conversation holds these words.", "没有对话包含这些词。"),
    "chat.rename": ("Rename", "重命名"),
    "chat.ask_rename": ("A new name for this conversation", "给这个对话起个新名字"),
    "chat.delete": ("Delete", "删除"),
    "chat.ask_delete": ("Delete this conversation, its pictures and videos?", "删除这个对话及其图片和视频？"),
    "chat.markdown": ("Export as Markdown", "导出为 Markdown"),
    "chat.json": ("Export as JSON", "导出为 JSON"),
    "chat.more": ("More", "更多"),
    "chat.transcript": ("Conversation", "对话"),
    "chat.hello": (
        "## What shall we look at?\nAdd pictures, PDF files or videos (drop them, paste, or use the clip) and ask. "
        "Tiny, which comes with Handeye, spells out a line or a small page, with mistakes: for answers, load a "
        "Qwen2.5-VL checkpoint under Doctor.",
        "## 我们来看什么？\n添加图片、PDF 文件或视频（拖到这里、粘贴或点回形针）然后提问，或者试试下面的例子。"
        "自带的 tiny 模型只能读出一行字或一小页，而且会出错：想要回答，请在「检查」中加载 Qwen2.5-VL 模型。",
    ),
    "chat.placeholder": ("Ask about a picture, PDF or video …", "就图片、PDF 或视频提问……"),
    "chat.options": ("Options", "选项"),
    "chat.system": ("System prompt", "系统提示词"),
    "chat.system_info": ("Said to the model before everything else", "在一切之前告诉模型的话"),
    "chat.temperature": ("Temperature", "温度"),
    "chat.temperature_info": ("0: always the likeliest word", "0：总是选最可能的词"),
    "chat.top_p": ("Top p", "Top p"),
    "chat.top_p_info": ("Only the likeliest words that together have this share", "只从累计概率达到此值的词中选"),
    "chat.max_tokens": ("Longest reply, tokens", "回复最长词元数"),
    "chat.picture_tokens": ("Tokens for one picture", "每张图片的词元数"),
    "chat.picture_tokens_info": (
        "Fewer are faster and coarser; 0: as the model likes",
        "越少越快越粗略；0：由模型决定",
    ),
    "chat.fps": ("Frames of a video in one second", "每秒视频的帧数"),
    "chat.fps_info": ("Of long videos fewer, evenly", "长视频会均匀减少"),
    "chat.camera": ("Camera", "摄像头"),
    "chat.camera_info": ("Take a picture to ask about", "拍一张照片来提问"),
    "chat.screen": ("Capture my screen", "截取我的屏幕"),
    "chat.picture": ("Picture", "图片"),
    "chat.hint": (
        "Click or drag on the picture to put a place into your question.",
        "点击或拖动图片，把位置放进你的问题。",
    ),
    "chat.hover": (
        "Point at a name to see where it is. Click or drag on the picture to ask about a place.",
        "把鼠标移到名称上看它在哪里。点击或拖动图片来问某个位置。",
    ),
    "chat.too_many": ("At most {count} files in one turn.", "一次最多 {count} 个文件。"),
    "chat.cut_pages": (
        "{name}: the first {shown} of {count} pages; one turn takes {most} pictures.",
        "{name}：前 {shown} 页，共 {count} 页；一次最多 {most} 张图片。",
    ),
    "chat.facts_seen": ("{size} seen as {seen}", "{size} 以 {seen} 查看"),
    "chat.facts_watched": (
        "{seconds:.1f} s video, {frames} frames at {fps:.2g}/s seen as {seen}, {tokens} tokens",
        "{seconds:.1f} 秒视频，{frames} 帧（每秒 {fps:.2g} 帧）以 {seen} 查看，{tokens} 词元",
    ),
    "chat.facts_cached": (
        "{cached} of {tokens} prompt tokens from cache",
        "{tokens} 个提示词元中 {cached} 个来自缓存",
    ),
    "chat.facts": (
        "{prompt} + {new} tokens · {rate:.0f} tokens/s · first after {first:.1f} s",
        "{prompt} + {new} 词元 · {rate:.0f} 词元/秒 · 首个 {first:.1f} 秒",
    ),
    "chat.cut_length": (
        "Cut at the longest reply allowed; raise it in Options to hear more.",
        "已达到允许的最长回复；可在选项中调高。",
    ),
    "chat.cut_repetition": ("Ended because it began to repeat itself.", "因为开始重复而结束。"),
    "chat.cut_cancelled": ("Stopped.", "已停止。"),
    "chat.empty": ("(said nothing)", "（没有说话）"),
}
