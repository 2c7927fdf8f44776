"""Which months, time zones, countries and currencies can an organisation have? Those that exist."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo

# ISO 4217 codes in use, CNH beside CNY, and a few that old records still carry.
_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
CHF CLF CLP CNH CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ
GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR
LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK
PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT
TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL
"""
CURRENCIES = frozenset(_CODES.split())


def is_month(value: float) -> bool:
    """Whether a number is a month."""
    return value in range(1, 13)


def is_zone(name: str) -> bool:
    """Whether this is the name of a time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


@cache
def is_country(code: str) -> bool:
    """Whether the public holidays of a country are known."""
    from holidays import list_supported_countries

    return code == "JP" or (len(code) == 2 and code in list_supported_countries())


def is_currency(code: str) -> bool:
    """Whether this is the ISO 4217 code of a currency in use."""
    return code in CURRENCIES
