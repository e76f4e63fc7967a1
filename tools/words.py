"""Words to write on practice pages: wide and partly invented, so that they must be read."""

from __future__ import annotations

import random
import string
from collections.abc import Callable


def listed(words: str) -> list[str]:
    return words.split()


COMMON = listed(
    """
    able acid aged also apple arch arm army atom aunt autumn away axis baby back badge baker ball band bank barn
    base bath beach bean bear bell belt bend bike bird blue board boat bone book boot bowl brave bread brick
    bridge brief bring broad brown brush build bunch burn bush busy cable cake calm camp candle cape card care
    cargo case cash castle cave chain chair chalk charm chart chef chess child city civil claim clay clean clear
    cliff climb clock cloth cloud coach coal coast coat code coin cold color cook copper copy coral corn cost
    cotton count court cover crab craft crane cream crew crop cross crowd crown cube curl cycle daily dance dark
    dawn deal deck deep deer delta desk dial diary dinner dirt dish dock door dot draft dragon dream dress drift
    drink drive drop drum dry duck dust duty eagle early earth east easy echo edge egg eight elbow empty engine
    enjoy entry equal event exact extra eye fable face fact fair fall family fan farm fast feast fence ferry
    field fig film final fire fish flag flame flat fleet flint float floor flour flute fly foam fog fold food
    forest fork form fort fox frame fresh frog front fruit fuel full fund game garden gate gentle giant gift
    glad glass globe glove gold goose grain grand grape grass gray green grid group grow guard guest guide
    guitar habit half hall hammer hand happy harbor hard hat hawk hazel heat heavy hedge help herb hero hill
    hint hive hobby home honest honey hook hope horn horse hotel hour house humble ice idea igloo inch index ink
    inner iron island ivory ivy jacket jam jar jazz jelly jewel join joke jolly judge juice jump jungle juniper
    keen kettle key kind king kite kiwi knee knife knot label lace ladder lake lamp land lane large laser late
    laugh lawn layer leaf learn lemon lens letter level light lily lime line lion list little lobby local lock
    log long loop lotus loud lucky lunar lunch magic major maple march marina market mask master match meadow
    meal medal melon memo menu metal mild milk mill mimic mind mint mirror mix model moment moon moral moss
    motor mount mouse music nail narrow navy near neat nest net never new nice night noble noise noon north note
    novel nurse oak oasis ocean olive onion open orange orbit order otter outer oven owl paint palm panda paper
    park party past patch path peach pearl pen pepper phone photo piano pilot pine pink pipe plain planet plant
    plate plaza plum poem point polar pond pool port post pot power press price pride print prize proud pulse
    pump pupil purple quad quail queen quest quick quiet quilt quiz radio raft rail rain ranch rapid raven ready
    red reef rest rice rich ride ring ripe river road robin rock roof room root rope rose round royal ruby rug
    rule rural rust sage sail salad salt sand sauce scale scarf school score scout sea seal season seed seven
    shade shape sharp sheep shelf shell shine ship shirt shop shore short silk silver simple sister six skate
    sketch skill sky sleep slice slow small smart smile smoke snail snow soap soft solar solid song sound soup
    south space spark speed spice spin spoon sport spring square stable staff stage stamp star steam steel stem
    step stick stone stool storm story straw stream street strong study sugar suit summer sun sunny swan sweet
    swift swim table tail tall tea team ten tent test thick thin third three tide tiger tile time tin tiny toast
    today token tool top torch tower town toy track trade trail train tray tree tribe trip trout truck true
    trunk tulip tune tunnel turn twin two type uncle under unit upper urban urgent valley value van vase velvet
    verb very vest view village vine violet vivid voice vowel wagon walk wall walnut warm watch water wave wax
    west wheat wheel white whole wide wild willow wind window wing winter wire wise wolf wood wool word work
    world worm yard year yellow young zebra zero zone
    """
)

VERBS = listed(
    """
    Accept Add Apply Archive Attach Back Book Browse Buy Call Cancel Change Check Clear Close Compare Confirm
    Connect Continue Copy Create Delete Deny Discard Done Download Draw Duplicate Edit Empty Exit Export Filter
    Finish Follow Format Forward Help Hide Home Ignore Import Insert Install Invite Join Later Leave Like Load
    Lock Login Logout Mail Merge Move Mute New Next No OK Okay Open Order Paste Pause Pay Pin Play Post Preview
    Previous Print Publish Quit Read Record Redo Refresh Register Reject Reload Remind Remove Rename Repeat
    Replace Reply Reset Resume Retry Review Rotate Save Scan Schedule Search Select Send Settings Share Show
    Skip Sort Start Stop Store Submit Subscribe Sync Test Track Try Undo Unlock Update Upload Verify View Vote
    Yes Zoom
    """
)

FIRST = listed(
    """
    Ada Alba Alan Amir Amy Ana Andre Anna Anton Aria Arthur Asha Ben Bella Bo Boris Carl Carla Cara Chen Chloe
    Clara Cora Dan Dana David Dean Diego Dina Dora Edgar Ella Elena Emil Emma Enzo Erik Esme Eva Ewan Faye Felix
    Finn Flora Fred Gina Grace Greta Gus Hana Hans Harry Hazel Helen Henry Hugo Ian Ida Igor Inga Iris Isla Ivan
    Jack Jana Jane Jim Joan Joel Jon Joy Juan Julia June Kai Karen Karl Kate Kenji Kim Kofi Kurt Lana Lara Lars
    Laura Lea Lena Leo Lila Lina Liam Lou Lucy Luis Luna Mabel Maja Malik Marco Maria Mark Mary Max Maya Mia
    Milo Mina Mira Mona Nadia Ned Nell Nia Nico Nils Nina Noah Nora Olga Oleg Omar Orla Oscar Otto Owen Pablo
    Pam Paul Petra Pia Quinn Rafa Ravi Rita Rosa Ruth Sam Sara Seth Sofia Sven Tara Ted Theo Tim Tina Tom Uma
    Una Ursula Vera Vic Viola Wade Wanda Will Xena Yara Yuki Yves Zara Zoe
    """
)

LAST = listed(
    """
    Abbot Adler Amari Baker Banks Barr Becker Bell Berg Blake Bond Booth Brandt Brook Burns Campos Chang Cole
    Conti Cruz Dale Diaz Dunn Eng Faber Falk Fisher Flores Ford Frey Fuchs Garcia Gill Grant Gray Haas Hale Hart
    Hayes Hill Holm Hope Hunt Ito Jensen Jones Kane Kaur Keller Khan King Klein Kovac Kraus Lane Lang Larsen Lee
    Lopez Lund Mann Marsh Meyer Mori Moss Nash Neri Novak Ochoa Okoye Olsen Otto Park Patel Pena Perez Pike
    Poole Quist Ramos Reed Reyes Rossi Roth Ruiz Russo Sato Shaw Silva Singh Smith Soto Stone Tanaka Thorn Tran
    Vance Vega Vogel Wagner Ward Weiss West Wolf Wong Wood Yang York Young Zhou
    """
)

LABELS = listed(
    """
    Name Email Phone City Street Country Company Title Subject Message Comment Code Coupon Password Username
    Nickname Age Date Amount Price Quantity Color Size Note Keyword Topic Tag Reference Address Postcode Account
    Team Project Language Website
    """
)

CHINESE = listed(
    """
    确定 取消 保存 搜索 姓名 登录 注册 密码 用户 名称 地址 电话 手机 邮箱 日期 时间 年 月 日 今天 明天 昨天
    上午 下午 价格 数量 金额 总计 订单 商品 购物车 付款 发票 城市 国家 中国 北京 上海 公司 学校 医院 银行
    设置 帮助 关于 首页 返回 下一步 上一页 提交 删除 编辑 添加 修改 查看 打开 关闭 新建 复制 发送 回复 分享
    文件 图片 视频 音乐 消息 通知 评论 标题 内容 作者 来源 说明 备注 选择 全部 更多 开始 结束 成功 失败 错误
    第一 第二 第三 一 二 三 四 五 六 七 八 九 十 百 千 万 个 元 人 大 小 多 少 高 低 长 短 新 旧 好 快 慢
    我们 他们 大家 老师 学生 朋友 孩子 工作 学习 生活 家庭 世界 社会 经济 文化 科学 技术 语言 历史 教育
    天气 春天 夏天 秋天 冬天 太阳 月亮 星星 山 水 河 海 花 草 树 木 鸟 鱼 马 牛 羊 红色 白色 黑色 绿色
    早饭 米饭 茶 咖啡 水果 苹果 牛奶 面包 房子 门 窗 桌子 车 火车 飞机 船 路 书 报 笔 纸
    来 去 走 看 听 说 读 写 吃 喝 买 卖 做 想 要 有 在 是 不 和 的 了 也 很 都 可以 知道 喜欢 需要
    """
)  # common words of 281 different characters

ONSETS = listed("b bl br c ch cl cr d dr f fl fr g gl gr h j k l m n p pl pr qu r s sc sh sl sp st t th tr v w x y z")
VOWELS = listed("a a a e e e e i i i o o o u u ai ea ie oo ou")
ENDS = ["", "", "", "l", "m", "n", "r", "s", "t", "d", "ck", "ng", "nt", "st", "x"]


def syllables(rng: random.Random, low: int = 1, high: int = 3) -> str:
    """An invented word that can be spoken, such as `tempor`."""
    return "".join(rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(ENDS) for _ in range(rng.randint(low, high)))


def letters(rng: random.Random, low: int = 2, high: int = 8) -> str:
    """A string no language model can guess: letters of both cases and digits."""
    alphabet = rng.choice([string.ascii_lowercase, string.ascii_uppercase, string.ascii_letters + string.digits])
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(low, high)))


def number(rng: random.Random) -> str:
    return str(rng.randint(0, 10 ** rng.randint(1, 5)))


def word(rng: random.Random) -> str:
    """One lower-case word, known or invented."""
    return rng.choice(COMMON) if rng.random() < 0.6 else syllables(rng)


def name(rng: random.Random) -> str:
    return rng.choice(FIRST) if rng.random() < 0.7 else syllables(rng, 1, 2).capitalize()


def full_name(rng: random.Random, first: str = "") -> str:
    return f"{first or name(rng)} {rng.choice(LAST) if rng.random() < 0.7 else syllables(rng, 1, 2).capitalize()}"


def cased(rng: random.Random, text: str) -> str:
    """The text as pages write it: often as it is, else capitalised, lower or upper case."""
    return rng.choices([text, text.capitalize(), text.lower(), text.upper()], [4, 4, 2, 1])[0]


def label(rng: random.Random) -> str:
    """What a button or link may say: one to three words, now and then with a number."""
    kind = rng.random()
    if kind < 0.35:
        return cased(rng, rng.choice(VERBS))
    if kind < 0.6:
        return cased(rng, word(rng))
    if kind < 0.75:
        return cased(rng, f"{rng.choice(VERBS)} {word(rng)}")
    if kind < 0.85:
        return cased(rng, f"{word(rng)} {number(rng)}")
    return letters(rng) if kind < 0.93 else cased(rng, f"{word(rng)} {word(rng)}")


def value(rng: random.Random) -> str:
    """What a person may type into a field."""
    kind = rng.random()
    if kind < 0.35:
        return name(rng)
    if kind < 0.55:
        return word(rng)
    if kind < 0.7:
        return letters(rng)
    if kind < 0.8:
        return number(rng)
    if kind < 0.9:
        return full_name(rng)
    return f"{word(rng)}@{word(rng)}.{rng.choice(['com', 'org', 'net'])}"


def field_label(rng: random.Random) -> str:
    return rng.choice(LABELS) if rng.random() < 0.6 else word(rng).capitalize()


def sentence(rng: random.Random, low: int, high: int) -> str:
    """A line of words without sense; the first is capitalised and the end has a stop."""
    words = [word(rng) if rng.random() < 0.95 else number(rng) for _ in range(rng.randint(low, high))]
    return " ".join(words).capitalize() + rng.choice([".", ".", ".", "!", "?", ""])


def chinese_phrase(rng: random.Random, low: int = 1, high: int = 2) -> str:
    """Common Chinese words side by side, as a label or title is."""
    return "".join(rng.choice(CHINESE) for _ in range(rng.randint(low, high)))


def chinese_sentence(rng: random.Random, low: int, high: int) -> str:
    """So many common Chinese words without sense, now and then a number or comma, and a full stop."""
    parts = [rng.choice(CHINESE) if rng.random() < 0.93 else number(rng) for _ in range(rng.randint(low, high))]
    if len(parts) > 4:
        parts.insert(rng.randint(2, len(parts) - 2), "，")
    return "".join(parts) + "。"


def distinct(
    rng: random.Random, make: Callable[[random.Random], str], count: int, taken: tuple[str, ...] = ()
) -> list[str]:
    """`count` results of `make(rng)` no two of which are equal when case is ignored."""
    seen = {text.lower() for text in taken}
    found: list[str] = []
    while len(found) < count:
        text = make(rng)
        if text.lower() not in seen:
            seen.add(text.lower())
            found.append(text)
    return found
