"""One picture of each kind, from round numbers."""

from __future__ import annotations

from datetime import date, timedelta
from statistics import NormalDist

from crm.i18n import Text
from pictures.bullet import Bullet
from pictures.curve import Curve
from pictures.diverging import Diverging
from pictures.dots import Dots
from pictures.fan import Fan
from pictures.funnel import Funnel, Stage
from pictures.intervals import Intervals, Ranged
from pictures.measure import Measure
from pictures.picture import Picture
from pictures.reliability import Bin, Reliability
from pictures.spark import Spark
from pictures.timeline import Lane, Mark, Stretch, Timeline
from pictures.waterfall import Part, Waterfall

MILLION = Measure(1e6, Text("百万円", "M JPY"), 1)
_START = date(2026, 10, 1)
_WEEKS = [_START + timedelta(weeks=week) for week in range(14)]


def outcomes(count: int = 50, middle: float = 196e6, spread: float = 17e6) -> list[float]:
    """Equally likely outcomes of a normal distribution."""
    normal = NormalDist(middle, spread)
    return [normal.inv_cdf((number + 0.5) / count) for number in range(count)]


def dots(probability: float | None = 0.4, target: float | None = 200e6) -> Dots:
    """Fifty outcomes against a target."""
    return Dots(
        name="dots",
        title=Text("期末の売上", "Revenue at the end"),
        outcomes=outcomes(),
        measure=MILLION,
        target=target,
        probability=probability,
    )


def fan() -> Fan:
    """A quarter in its ninth week."""
    ahead = [None if week < 8 else week - 8 for week in range(14)]

    def quantile(slope: float) -> list[float | None]:
        return [None if weeks is None else 104e6 + slope * weeks for weeks in ahead]

    return Fan(
        name="fan",
        title=Text("積み上がり（百万円）", "So far (M JPY)"),
        days=_WEEKS,
        closed=[13e6 * week if week <= 8 else None for week in range(14)],
        p10=quantile(14e6),
        p25=quantile(16e6),
        p50=quantile(18e6),
        p75=quantile(20e6),
        p90=quantile(22e6),
        measure=MILLION,
        target=200e6,
    )


def waterfall() -> Waterfall:
    """Parts that add up from 43 to 40 percent."""
    parts = {"受注": 0.06, "失注": -0.05, "期ずれ": -0.07, "前進": 0.04, "金額": -0.01}
    english = ("won", "lost", "slipped", "moved ahead", "amount")
    return Waterfall(
        name="waterfall",
        title=Text("先週からの変化", "Change since last week"),
        start=Part(Text("先週", "last week"), 0.43),
        end=Part(Text("今週", "this week"), 0.40),
        parts=[Part(Text(name, en), value) for (name, value), en in zip(parts.items(), english, strict=True)],
    )


def timeline() -> Timeline:
    """A deal of two months: three stages, a date that was pushed back, two activities."""
    visit, proposal, quote = (_START + timedelta(days=days) for days in (12, 14, 40))
    last = _START + timedelta(days=61)
    return Timeline(
        name="timeline",
        title=Text("これまでの経過", "What has happened"),
        first=_START,
        last=last,
        lanes=[
            Lane(
                Text("段階", "stage"),
                [
                    Stretch(_START, visit, Text("アポイント", "Appointment")),
                    Stretch(visit, proposal, Text("初回訪問", "First visit")),
                    Stretch(proposal, last, Text("提案", "Proposal")),
                ],
            ),
            Lane(
                Text("受注予定", "planned date"),
                marks=[
                    Mark(quote, Text("11/30 → 12/28", "11/30 → 12/28"), Text("12/28", "12/28"), is_bad=True),
                    Mark(_START, Text("11/30", "11/30"), Text("11/30", "11/30")),
                ],
            ),
            Lane(
                Text("活動", "activities"),
                marks=[Mark(visit, Text("訪問", "visit")), Mark(quote, Text("見積", "quote"))],
            ),
        ],
    )


def all_pictures() -> list[Picture]:
    """One of each kind."""
    return [
        dots(),
        fan(),
        waterfall(),
        Bullet(
            name="bullet",
            title=Text("西日本", "West"),
            measure=MILLION,
            value=22e6,
            p10=42e6,
            p50=50e6,
            p90=58e6,
            target=62e6,
        ),
        Curve(
            name="curve",
            title=Text("いつ受注するか", "When it is won"),
            days=_WEEKS,
            won=[0.03 * week for week in range(14)],
            lost=[0.02 * week for week in range(14)],
            typed=date(2026, 12, 20),
            likely=(date(2026, 11, 20), date(2026, 12, 10), date(2026, 12, 25)),
            end=_WEEKS[7],
        ),
        Funnel(
            name="funnel",
            title=Text("営業プロセス", "Process"),
            stages=[
                Stage(Text("リード", "Lead"), 412, 0.46, (3, 8, 15), 0.55),
                Stage(Text("初回訪問", "First visit"), 190, 0.58, (7, 21, 33)),
                Stage(Text("受注", "Won"), 110),
            ],
        ),
        Reliability(
            name="reliability",
            title=Text("予測の成績", "Track record"),
            bins=[
                Bin(0.05, 0.04, 0.02, 0.06, 400),
                Bin(0.65, 0.5, 0.41, 0.59, 90),
                Bin(0.9, 0.92, 0.8, 0.99, 20),
            ],
        ),
        Spark(
            name="spark",
            title=Text("達成確率", "Probability"),
            days=_WEEKS[:6],
            values=[0.52, 0.5, 0.48, 0.49, 0.44, 0.4],
            usual=0.03,
            later=[True, False, False, False, False, False],
        ),
        Diverging(
            name="diverging",
            title=Text("この確率の理由", "Reasons"),
            reference=Part(Text("ふつうの商談", "the usual deal"), 0.26),
            result=Part(Text("この商談", "this deal"), 0.41),
            reasons=[
                Part(Text("決裁者と会った", "Met the decision maker"), 0.12),
                Part(
                    Text("見積から日数がたっている", "Days since the quote, long for a deal of this size"),
                    -0.06,
                ),
            ],
            controllable=[True, False],
        ),
        Intervals(
            name="intervals",
            title=Text("期待との差", "Above expectation"),
            measure=MILLION,
            rows=[
                Ranged(Text("佐藤 美咲", "Misaki Sato"), 9e6, 3e6, 15e6),
                Ranged(Text("鈴木 健", "Ken Suzuki"), 2e6, -4e6, 8e6),
                Ranged(Text("高橋 遥", "Haruka Takahashi"), -7e6, -12e6, -1e6),
            ],
        ),
        timeline(),
    ]
