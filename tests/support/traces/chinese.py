"""Traces in Chinese."""

from datetime import date, timedelta

from tests.support.traces.telling import Teller, Trace, lines

_HAN = "零一二三四五六七八九"
_HAN_DAYS = ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日")


def chinese_equation(tell: Teller) -> Trace:
    """Solve the chickens and rabbits of the old books, told in Chinese."""
    hens, rabbits = tell.numbers(3, 45, 2)
    heads, feet = hens + rabbits, 2 * hens + 4 * rabbits
    return Trace(
        tell.say(
            f"鸡兔同笼，共有 {heads} 个头、{feet} 只脚。鸡和兔各有多少只？",
            f"笼子里有鸡和兔子，数头是 {heads} 个，数脚是 {feet} 只，问兔子有几只？",
        ),
        lines(
            tell.say(
                f"设兔有 x 只，那么鸡有 {heads} − x 只。脚的总数：4x + 2({heads} − x) = {feet}。",
                f"先假设全是鸡，{heads} 只鸡应有 {heads} × 2 = {2 * heads} 只脚。",
            ),
            tell.say(
                f"化简得 2x = {feet} − {2 * heads} = {feet - 2 * heads}，"
                f"所以 x = {rabbits}，鸡是 {hens} 只。",
                f"实际多出 {feet} − {2 * heads} = {feet - 2 * heads} 只脚，"
                f"每把一只鸡换成兔子就多两只，因此兔子是 {rabbits} 只。",
            ),
            tell.say(
                f"检验一下：{hens} × 2 + {rabbits} × 4 = {2 * hens} + {4 * rabbits} = {feet}，没有问题。",
                f"再算一遍：鸡 {hens} 只有 {2 * hens} 只脚，"
                f"兔 {rabbits} 只有 {4 * rabbits} 只脚，合起来正好 {feet}。",
            ),
        ),
        tell.say(
            f"鸡有 **{hens}** 只，兔有 **{rabbits}** 只。",
            f"兔子有 \\boxed{{{rabbits}}} 只，鸡有 {hens} 只。",
        ),
    )


def chinese_remainder(tell: Teller) -> Trace:
    """Find a number by two remainders, told in Chinese."""
    first, second = tell.of(((3, 5), (5, 7), (4, 9)), ((7, 8), (3, 11), (5, 8)))
    number = tell.number(first + second, first * second - 1)
    a, b = number % first, number % second
    tried = list(range(b, first * second, second))
    rows = [f"{value} ÷ {first} 余 {value % first}" for value in tried[: tried.index(number) + 1]]
    return Trace(
        tell.say(
            f"一个数除以 {first} 余 {a}，除以 {second} 余 {b}，最小是多少？",
            f"求满足 x ≡ {a} (mod {first})、x ≡ {b} (mod {second}) 的最小非负整数。",
        ),
        lines(
            tell.say(
                f"除以 {second} 余 {b} 的数依次是 {'、'.join(map(str, tried[:4]))}……"
                f"逐个看除以 {first} 的余数。",
                f"从 {b} 开始，每次加 {second}，看哪一个除以 {first} 余 {a}：",
            ),
            "，".join(rows) + "。",
            tell.say(
                f"第一个符合的是 {number}。因为 {first} 和 {second} 互质，下一个要再加 {first * second}。",
                f"所以答案是 {number}，以后每隔 {first * second} 出现一次，例如 {number + first * second}。",
            ),
        ),
        tell.say(f"最小的数是 **{number}**。", f"\\( x = {number} \\)"),
    )


def chinese_number(tell: Teller) -> Trace:
    """Write a number with Chinese numerals."""
    number = tell.number(1001, 9999)
    words = chinese_words(number)
    digits = [int(digit) for digit in str(number)]
    zero = 0 in digits[1:]
    return Trace(
        tell.say(f"{number} 用汉字怎么写？", f"请把 {number} 写成中文数字。"),
        lines(
            tell.say(
                f"逐位看：千位 {digits[0]}，百位 {digits[1]}，十位 {digits[2]}，个位 {digits[3]}。",
                f"这个数有 {digits[0]} 个千、{digits[1]} 个百、{digits[2]} 个十和 {digits[3]} 个一。",
            ),
            tell.say(
                f"{number} 中间有零就读一个“零”，末尾的零不读。"
                if zero
                else f"{number} 的后三位都不是零，按顺序读就行。",
                f"写 {number} 时要注意零：连着的零只写一个，结尾的零省去。"
                if zero
                else f"{number} 除首位外没有零，直接写出各位。",
            ),
        ),
        tell.say(f"写作“{words}”。", f"{number} 写成：{words}"),
    )


def chinese_weekday(tell: Teller) -> Trace:
    """Count the days between two dates, told in Chinese."""
    start = date(2023, 1, 1) + timedelta(days=tell.number(0, 700))
    days = tell.number(30, 200)
    end = start + timedelta(days=days)
    return Trace(
        tell.say(
            f"{start.year} 年 {start.month} 月 {start.day} 日是{_HAN_DAYS[start.weekday()]}，"
            f"再过 {days} 天是星期几？",
            f"已知 {start.year} 年 {start.month} 月 {start.day} 日为{_HAN_DAYS[start.weekday()]}，求 {days} "
            f"天后的日期与星期。",
        ),
        lines(
            tell.say(
                f"一周七天，{days} = 7 × {days // 7} + {days % 7}，只看余数 {days % 7}。",
                f"{days} 除以 7 得 {days // 7} 余 {days % 7}，整周不影响星期。",
            ),
            tell.say(
                f"从{_HAN_DAYS[start.weekday()]}往后数 {days % 7} 天，就是{_HAN_DAYS[end.weekday()]}。日期是 "
                f"{end.month} 月 {end.day} 日。",
                f"往后推 {days % 7} 天到{_HAN_DAYS[end.weekday()]}，"
                f"那天是 {end.year} 年 {end.month} 月 {end.day} 日。",
            ),
        ),
        tell.say(
            f"再过 {days} 天是 **{_HAN_DAYS[end.weekday()]}**。",
            f"{end.year} 年 {end.month} 月 {end.day} 日，{_HAN_DAYS[end.weekday()]}。",
        ),
    )


def chinese_discount(tell: Teller) -> Trace:
    """Take a discount and look back from the price, told in Chinese."""
    price, tenths = 10 * tell.number(8, 120), tell.number(5, 9)
    paid = price * tenths // 10
    saved = price - paid
    thing = tell.of(("外套", "自行车", "书架"), ("台灯", "吉他", "行李箱"))
    return Trace(
        tell.say(
            f"一件{thing}打 {tenths} 折后卖 {paid} 元，原价是多少？便宜了多少钱？",
            f"{thing}现价 {paid} 元，是原价的百分之{tenths}0，求原价和降价的金额。",
        ),
        lines(
            tell.say(
                f"打 {tenths} 折就是按原价的 {tenths}/10 卖，设原价 x 元，则 {tenths}x/10 = {paid}。",
                f"现价占原价的 {tenths * 10}%，要求原价，用除法：{paid} ÷ 0.{tenths}。",
            ),
            tell.say(
                f"两边乘 10 再除以 {tenths}：x = {paid * 10} ÷ {tenths} = {price}。"
                f"注意不能用 {paid} 去乘折扣，那是第二次打折。",
                f"{paid} 的十倍是 {paid * 10}，除以 {tenths} 得 {price}。常见的错误是在现价上再算百分之几。",
            ),
            tell.say(
                f"验证：{price} × {tenths} = {price * tenths}，除以十正好是 {paid}。"
                f"差价 {price} − {paid} = {saved}。",
                f"反过来算，{price} 元减去 {saved} 元等于 {paid} 元，和题目相符。",
            ),
        ),
        tell.say(f"原价 **{price}** 元，便宜了 **{saved}** 元。", f"原价是 {price} 元，降了 {saved} 元。"),
    )


def chinese_meeting(tell: Teller) -> Trace:
    """Let a fast walker catch up with a slow one, told in Chinese."""
    slow, faster, hours = tell.number(40, 70), tell.number(5, 30), tell.number(2, 9)
    ahead = faster * hours
    fast = slow + faster
    return Trace(
        tell.say(
            f"慢车每小时行 {slow} 千米，"
            f"快车每小时行 {fast} 千米，慢车在前面 {ahead} 千米。快车几小时能追上？",
            f"甲在乙前方 {ahead} 千米，"
            f"同时同向出发，甲的速度是 {slow}，乙的速度是 {fast}（千米每小时），问多久追上。",
        ),
        lines(
            tell.say(
                f"追及问题看速度差。快车每小时比慢车多走 {fast} − {slow} = {faster} 千米。",
                f"乙每小时比甲多行 {faster} 千米，两人之间的距离就每小时缩短这么多。",
            ),
            tell.say(
                f"要追的路程是 {ahead} 千米，{ahead} ÷ {faster} = {hours}，所以需要 {hours} 小时。",
                f"距离 {ahead} 除以 {faster}，得到 {hours} 小时。",
            ),
            tell.say(
                f"等一下，再核对：{hours} 小时后慢车走了 {slow * hours} 千米，快车走了 {fast * hours} 千米，"
                f"相差 {ahead} 千米，对上了。",
                f"那时乙走了 {fast * hours} 千米，"
                f"甲走了 {slow * hours} 千米，加上原来的 {ahead} 千米，两者相等。",
            ),
        ),
        tell.say(f"**{hours} 小时**后追上。", f"乙用 {hours} 小时追上甲。"),
    )


def chinese_parity(tell: Teller) -> Trace:
    """Decide if a sum of consecutive numbers is even, told in Chinese."""
    start, count = tell.number(5, 90), tell.number(6, 30)
    total = count * (2 * start + count - 1) // 2
    odd = sum((start + place) % 2 for place in range(count))
    answer = "偶数" if total % 2 == 0 else "奇数"
    return Trace(
        tell.say(
            f"从 {start} 开始的 {count} 个连续整数之和是奇数还是偶数？",
            f"不求和，判断 {start} 到 {start + count - 1} 所有整数相加的结果的奇偶性，并说明理由。",
        ),
        lines(
            tell.say(
                f"偶数不影响奇偶性，只要数奇数的个数。这 {count} 个数里有 {odd} 个奇数。",
                f"{start} 到 {start + count - 1} 一共 {count} 个数，其中奇数 {odd} 个，其余是偶数。",
            ),
            tell.say(
                f"{odd} 个奇数相加，{odd} 是{'偶' if odd % 2 == 0 else '奇'}数，所以和是{answer}。",
                f"奇数的个数 {odd} 为{'偶' if odd % 2 == 0 else '奇'}，因此总和为{answer}。",
            ),
            tell.say(
                f"用公式检验：({start} + {start + count - 1}) × {count} ÷ 2 = {total}，确实是{answer}。",
                f"真的算出来是 {total}，个位是 {total % 10}，与判断一致。",
            ),
        ),
        tell.say(f"和是**{answer}**（等于 {total}）。", f"结果是{answer}。"),
    )


def chinese_code(tell: Teller) -> Trace:
    """Follow a loop over numbers, told in Chinese."""
    top, divisor = tell.number(12, 40), tell.number(3, 6)
    chosen = [value for value in range(1, top + 1) if value % divisor == 1]
    name = tell.say("total", "result")
    return Trace(
        tell.say("下面的程序输出什么？", "请说明这段代码的输出。")
        + f"\n\n```python\n{name} = 0\nfor n in range(1, {top + 1}):\n    if n % {divisor} == 1:\n        "
        f"{name} += n\nprint({name})\n```",
        lines(
            tell.say(
                f"循环变量从 1 到 {top}，range 的右端不取。条件是除以 {divisor} 余 1。",
                f"注意 n 最大取到 {top}。满足 n % {divisor} == 1 的才会累加。",
            ),
            tell.say(
                f"这些数是 {'、'.join(map(str, chosen))}，一共 {len(chosen)} 个。",
                f"符合条件的有 {len(chosen)} 个：{'、'.join(map(str, chosen))}。",
            ),
            tell.say(
                f"它们是等差数列，和为 ({chosen[0]} + {chosen[-1]}) × {len(chosen)} ÷ 2 = {sum(chosen)}。",
                f"首项 {chosen[0]}，末项 {chosen[-1]}，加起来等于 {sum(chosen)}。",
            ),
        ),
        tell.say(f"输出 `{sum(chosen)}`。", f"程序打印 {sum(chosen)}。"),
    )


KINDS = (
    chinese_equation,
    chinese_remainder,
    chinese_number,
    chinese_weekday,
    chinese_discount,
    chinese_meeting,
    chinese_parity,
    chinese_code,
)


def chinese_words(number: int) -> str:
    """Write a number from 1000 to 9999 in Chinese."""
    parts = ""
    gap = False
    for digit, unit in zip(str(number), ("千", "百", "十", ""), strict=True):
        if digit == "0":
            gap = True
            continue
        parts += ("零" if gap else "") + _HAN[int(digit)] + unit
        gap = False
    return parts
