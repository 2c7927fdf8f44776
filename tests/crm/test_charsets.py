"""Is a file's character set told by its letters, and said where it was guessed? Never silent mojibake."""

from __future__ import annotations

import codecs
import random
from zoneinfo import ZoneInfo

import pytest

from crm.errors import SanchoError
from crm.importing import Saying, import_path
from crm.importing.encoding import decode
from crm.instants import as_of_instant
from crm.store import Store

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = as_of_instant("2026-11-20", TOKYO)
HEADER = "deal_id,created_at,stage,name,owner_id\n"
NAMES = {
    "French": "Société Générale,André Lefèvre,Hôtel Beauséjour,Zoé,Île-de-France,Côte d’Azur,ÉCOLE,Cœur",
    "German": "Müller Söhne,Jürgen Groß,Köln,Übermorgen GmbH,Straße,MÜNCHEN,Ärzte,Weiß",
    "Spanish": "Señal Andaluza,Íñigo Núñez,Cádiz,Álvarez,Logroño,Peña,Ángel Ñáñez",
    "Portuguese": "São Paulo,João Conceição,Negociação,Gestão,Ção,Três Irmãos",
    "Swedish": "Malmö,Göteborg,Åke Sjöberg,Västerås,Örebro,Ängelholm",
}
JAPANESE = "あおぞら商事,東京商事,㈱みどり,初回訪問,佐藤,髙島屋,表,ソフト,渡邊,齋藤,ﾔﾏﾀﾞ電機,①案件,～,１０月"
HALF_WIDTH = "ｱｵｿﾞﾗ,ﾔﾏﾀﾞ,ｻﾄｳ ｲﾁﾛｳ,ﾃｽﾄ ｼｮｳｼﾞ,ｶﾌﾞｼｷｶﾞｲｼｬ,A案件ﾃｽﾄ"


def files(words, rows):
    pick = random.Random(7)
    words = words.split(",")
    for _ in range(40):
        yield HEADER + "".join(
            f"D{n},2026-10-01,Discovery,{pick.choice(words)},{pick.choice(words)}\n" for n in range(rows)
        )


@pytest.mark.parametrize("rows", [1, 2, 20])
@pytest.mark.parametrize("language", NAMES)
def test_western_names_are_read_as_they_were_written_and_the_guess_is_said(language, rows):
    for text in files(NAMES[language], rows):
        found = decode(text.encode("cp1252"))
        assert found.data.decode() == text
        assert found.guessed or text.isascii()


@pytest.mark.parametrize("rows", [1, 2, 20])
@pytest.mark.parametrize("words", [JAPANESE, HALF_WIDTH])
def test_japanese_in_cp932_stays_japanese(words, rows):
    for text in files(words, rows):
        assert decode(text.encode("cp932")).data.decode() == text


@pytest.mark.parametrize(
    ("charset", "mark"), [("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE)]
)
def test_utf_16_is_read_with_and_without_its_mark(charset, mark):
    text = HEADER + "D1,2026-10-01,初回訪問,東京商事,佐藤\n"
    assert decode(mark + text.encode(charset)).data.decode() == text
    assert decode(text.encode(charset))[::3] == (text.encode(), True)


def test_letters_of_no_known_language_are_damaged_not_guessed():
    found = decode((HEADER + "D1,2026-10-01,x,Москва,Иван\n").encode("cp1251"))
    assert (found.charset, found.damaged) == ("utf-8", True)


def test_a_guess_is_told_and_the_character_set_can_be_said(tmp_path):
    (tmp_path / "deals.csv").write_bytes((HEADER + "D1,2026-10-01,アポイント,東京,Zoé\n").encode("utf-8"))
    (tmp_path / "accounts.csv").write_bytes("account_id,name\nA,Zoé Béraud\n".encode("cp1252"))
    with Store.open("sqlite://") as store:
        result = import_path(store, tmp_path, TOKYO, now=NOW)
        assert [
            notice.en for notice in result.notices if "Windows-1252" in notice.en and "accounts" in notice.en
        ]
        assert store.read(TOKYO)["accounts"]["name"].tolist() == ["Zoé Béraud"]
        (tmp_path / "accounts.csv").write_bytes("account_id,name\nA,Łódź\n".encode("cp1250"))
        import_path(store, tmp_path / "accounts.csv", TOKYO, now=NOW, saying=Saying(encoding="cp1250"))
        assert store.read(TOKYO)["accounts"]["name"].tolist() == ["Łódź"]
        with pytest.raises(SanchoError, match="no character set"):
            import_path(store, tmp_path / "accounts.csv", TOKYO, now=NOW, saying=Saying(encoding="klingon"))
