"""What the agent tab says: key -> (English, Chinese)."""

from __future__ import annotations

from agent.risks import SAID
from app import steps

RISKS = {
    "again": "页面曾询问：{about}；再做一次即表示同意",
    "leaves": "将离开任务的网站，前往 {about}",
    "foreign": "它位于另一网站的页面中：{about}",
    "words": "这些文字并非出自任务",
    "deletes": "可能会删除内容",
    "form": "将提交表单",
    "saves": "将保存文件",
    "program": "将打开另一个程序：{about}",
    "named": "“{about}”可能无法撤销",
}
TEXTS = {
    **steps.TEXTS,
    "agent.title": ("Agent", "代理"),
    "agent.task": ("Task", "任务"),
    "agent.task_hint": ("What shall be done? In plain words.", "要做什么？用平常的话说。"),
    "agent.screen": ("Where", "在哪里"),
    "agent.browser": ("Browser", "浏览器"),
    "agent.sandbox": ("Virtual desktop", "虚拟桌面"),
    "agent.desktop": ("This screen", "本机屏幕"),
    "agent.apps": ("Programs", "程序"),
    "agent.apps_info": ("Started on a screen of their own; separated by commas", "在独立的屏幕上启动；用逗号分隔"),
    "agent.own": (
        "The agent will use the mouse and keyboard of the machine that Handeye runs on, and may click on anything. "
        "Ctrl+Alt+Esc, or the pointer pushed into a corner, stops it.",
        "代理将使用运行 Handeye 的电脑的鼠标和键盘，可以点击屏幕上的任何东西。"
        "按 Ctrl+Alt+Esc 或把指针推到屏幕角落即可停止。",
    ),
    "agent.asks_desktop": (
        "Nothing tells it what a click leads to here. So it asks before it types words that are not yours and before "
        "it presses Delete, but not before it clicks or presses Enter: choose every action, and it asks for these too.",
        "在这里无法知道点击会导致什么。因此它只在输入不是你的文字和按删除键之前询问，点击和按回车不会询问："
        "需要的话请选择“每个操作前都问我”。",
    ),
    "agent.asks_sandbox": (
        "Here it asks only if you choose to be asked before every action. Its screen and home folder are gone "
        "afterwards, but its programs run as you do, with your files and network in reach.",
        "在这里，只有选择“每个操作前都问我”时才会询问。它的屏幕和主目录用完即删，但其中的程序以你的身份运行，可以访问你的文件和网络。",
    ),
    "agent.asks_browser": (
        "Such as sending, paying, deleting, saving a file, words that are not yours, leaving the site.",
        "例如发送、付款、删除、保存文件、输入不是你的文字、离开网站。",
    ),
    "agent.counting": (
        "It takes mouse and keyboard in {left} s. Ctrl+Alt+Esc, or the pointer in a corner, stops it.",
        "{left} 秒后接管鼠标和键盘。按 Ctrl+Alt+Esc 或把指针推到角落即可停止。",
    ),
    "agent.start": ("Where to begin", "从哪里开始"),
    "agent.start_info": ("An address, or the page that comes with Handeye", "网址，或随 Handeye 提供的页面"),
    "agent.demo": ("Address book (comes with Handeye)", "通讯录（随 Handeye 提供）"),
    "agent.go": ("Start", "开始"),
    "agent.try_send": ("Send Anna a message", "给 Anna 发消息"),
    "agent.try_find": ("Find Boris", "找到 Boris"),
    "agent.options": ("Options", "选项"),
    "agent.headed": ("Show the browser's own window too", "同时显示浏览器窗口"),
    "agent.asks": ("Approvals", "许可"),
    "agent.always": ("Ask me before every action", "每个操作前都问我"),
    "agent.irreversible": (
        "Ask me before what may not be undone or I did not ask for",
        "无法撤销或我没要求的操作前问我",
    ),
    "agent.never": ("Do not ask", "不询问"),
    "agent.max_steps": ("Steps at most", "最多步数"),
    "agent.pause": ("Pause", "暂停"),
    "agent.resume": ("Go on", "继续"),
    "agent.step": ("Step once", "单步"),
    "agent.take": ("Take over", "接管"),
    "agent.back": ("Hand back", "交还"),
    "agent.stop": ("Stop", "停止"),
    "agent.empty": (
        "Here you will see what the agent sees, and where it clicks. You can pause it, correct it and take over at "
        "any time.",
        "这里会显示代理看到的屏幕和它点击的位置。你可以随时暂停、纠正或接管。",
    ),
    "agent.empty_steps": ("Every step will be listed here.", "每一步都会列在这里。"),
    "agent.no_task": ("Say first what shall be done.", "请先写出任务。"),
    "agent.busy": ("A run is still going on; stop it first.", "已有任务在运行，请先停止。"),
    "agent.opening": ("Opening …", "正在打开……"),
    "agent.looking": ("Looking …", "正在看屏幕……"),
    "agent.thinking": ("Thinking …", "正在思考……"),
    "agent.acting": ("Acting …", "正在操作……"),
    "agent.asking": ("Waiting for you", "等待你"),
    "agent.pausing": ("Pausing after this …", "这一步之后暂停……"),
    "agent.paused": ("Paused", "已暂停"),
    "agent.taken": ("You have the screen", "由你操作屏幕"),
    "agent.full": (
        "The disk is full: {told}. The run goes on when there is room.",
        "磁盘已满：{told}。有空间后会自动继续。",
    ),
    "agent.count": ("step {number} of at most {most}", "第 {number} 步，最多 {most} 步"),
    "agent.rate": ("{each:.1f} s a step, at most {left:.0f} s left", "每步 {each:.1f} 秒，最多还需 {left:.0f} 秒"),
    "agent.planned": (
        "It is about to: {deed}. Click on the screen to do that instead.",
        "即将执行：{deed}。点击屏幕则改为点击那里。",
    ),
    "agent.your_turn": (
        "Click on the screen to click there in the agent's place.",
        "点击屏幕即可代替代理点击那里。",
    ),
    "agent.ask": ("May it do this?", "可以这样做吗？"),
    "agent.aim": ("There: {what}", "目标：{what}"),
    "agent.on_page": ("On the page {url}", "页面：{url}"),
    "agent.because": ("Because: {why}", "原因：{why}"),
    **{f"risk.{kind}": (said, RISKS[kind]) for kind, said in SAID.items()},
    "agent.allow": ("Allow", "允许"),
    "agent.deny": ("Deny", "拒绝"),
    "agent.wants": ("The model asks you:", "模型问你："),
    "agent.your_answer": ("Your answer", "你的回答"),
    "agent.send": ("Send", "发送"),
    "agent.type": ("Type there", "在那里输入"),
    "agent.type_hint": ("Text, then Enter here to type it there", "输入文字，按回车即可输入到那里"),
    "agent.up": ("Scroll up", "向上滚动"),
    "agent.down": ("Scroll down", "向下滚动"),
    "agent.page_back": ("Page back", "后退"),
    "agent.look": ("Look again", "刷新画面"),
    "agent.answer": ("Answer", "回答"),
    "agent.received": ("The address book received: {messages}", "通讯录收到：{messages}"),
    "agent.received_none": ("The address book received no message.", "通讯录没有收到消息。"),
    "agent.sum": ("{count} steps, {seconds:.0f} s", "{count} 步，{seconds:.0f} 秒"),
    "agent.bug": (
        "Something went wrong inside Handeye; the terminal says what.",
        "Handeye 内部出错；详情见终端。",
    ),
    "agent.kept": ("The run is kept; see the Replay tab.", "运行已保存，见“回放”标签页。"),
}
