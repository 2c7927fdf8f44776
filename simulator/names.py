"""What are companies and people called? Drawn from lists, in natural Japanese."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def _words(*lines: str) -> tuple[str, ...]:
    """The words of all lines."""
    return tuple(word for line in lines for word in line.split())


SURNAMES = _words(
    "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 林 斎藤",
    "清水 山崎 森 池田 橋本 阿部 石川 山下 中島 石井 小川 前田 岡田 長谷川 藤田 後藤 近藤 村上 遠藤",
    "青木 坂本 斉藤 福田 太田 西村 藤井 金子 岡本 藤原 中野 三浦 原田 中川 松田 竹内 小野 田村 中山",
    "和田 石田 森田 上田 原 内田 柴田 酒井 宮崎 横山 高木 安藤 宮本 大野 小島 谷口 工藤 今井 高田",
    "増田 丸山 杉山 村田 大塚 新井 小山 平野 藤本 河野 上野 野口 武田 松井 千葉 岩崎 菅原 木下 久保",
    "佐野 野村 松尾 市川 菊地 杉本 古川",
)
GIVEN = _words(
    "翔太 健太 大輔 拓也 直樹 亮 誠 剛 浩二 和也 隆 修 哲也 裕介 雄太 康平 慎也 達也 智也 淳 健一",
    "悠斗 蓮 大翔 陽向 樹 涼介 航 優子 陽子 美咲 彩 愛 麻衣 恵 直美 由美 真由美 久美子 裕子 香織",
    "さくら 葵 結衣 陽菜 七海 美穂 千尋 遥 綾香 明日香 里奈 友美 奈々 絵里 智子 純子 幸子 和子 俊介",
    "祐樹 克己 正樹 秀明 宏 博之 茂 勇 進 実 学 洋平 駿 颯太 湊 新 玲奈 舞 楓 凛",
)
HEADS = _words(
    "東洋 大和 日進 三栄 富士見 中央 北斗 明星 共栄 太平 新光 丸和 旭 光陽 東亜 大成 日東 協和 第一",
    "千代田 昭栄 瑞穂 常盤 山手 青葉 若葉 双葉 白鳥 朝日野 浜松 信濃 越前 播磨 筑紫 武蔵 相模 駿河",
    "三河 近江 摂津 伊予 讃岐 肥前 薩摩 陸奥 出羽 常陸 上総 安房 甲斐 飛騨 美濃 伊勢 志摩 丹波 但馬",
    "因幡 石見 備前 安芸 周防 阿波 土佐 豊後 日向 大隅 みなと ひかり さくら つばさ あおぞら みらい",
    "はやぶさ かなめ ときわ グローバル ネクスト ユニバーサル アドバンス フロンティア パシフィック",
    "オリオン シリウス アルファ クレスト エイコー サンライズ トータス ミツワ カネサダ ヤマト サンエー",
    "タカラ マルヨシ キタムラ イシバシ オオタニ ナガセ カワベ",
)
TAILS = (
    _words("工業 製作所 精機 化学 金属 電機 機械 樹脂"),
    _words("システムズ ソフトウェア 情報サービス テクノロジー データ ネットワークス"),
    _words("商事 物産 商会 ストア フーズ トレーディング"),
    _words("信用金庫 リース 証券 保険サービス キャピタル"),
    _words("建設 不動産 工務店 住宅 エステート 設備"),
    _words("会病院 メディカル ヘルスケア 薬品 ケアサービス"),
    _words("運輸 物流 倉庫 ロジスティクス 陸運"),
    _words("サービス コンサルティング スタッフ 教育社 企画 ホテルズ"),
)
"""Endings by industry, in the order of `catalog.INDUSTRIES`."""

LISTINGS = ("非上場", "スタンダード", "プライム", "グロース")
SYSTEMS = ("表計算ソフト", "自社開発", "他社クラウド", "他社パッケージ", "なし")


def person_name(uid: int) -> str:
    """A surname and a given name from a 64-bit number."""
    return f"{SURNAMES[uid % len(SURNAMES)]} {GIVEN[(uid // 1009) % len(GIVEN)]}"


def company_names(uid: NDArray[np.uint64], industry: NDArray[np.int32]) -> list[str]:
    """Company names from 64-bit numbers and industry codes, shape (n,) each. Some share a name."""
    names = []
    for number, kind in zip(uid.tolist(), industry.tolist(), strict=True):
        head = HEADS[number % len(HEADS)]
        second = HEADS[(number // 4099) % len(HEADS)] if number % 7 == 0 else ""
        tail = TAILS[kind][(number // 257) % len(TAILS[kind])]
        body = f"{head}{second}{tail}"
        if kind == 5 and tail == "会病院":
            names.append(f"医療法人{body}")
        elif tail == "信用金庫":
            names.append(body)
        else:
            names.append(f"株式会社{body}" if (number // 65_537) % 5 < 2 else f"{body}株式会社")
    return names
