"""Are a backtest's figures what its rows say? Every figure again, without any code of the project.

    sancho backtest --rows rows.csv --out proof.html
    python benchmarks/recompute_backtest.py rows.csv proof.json

Reads the rows (CSV or Parquet, and the file `.periods` beside it) and the JSON, computes each figure with
pandas, numpy, scipy and scikit-learn only, prints those that differ by more than 1e-9 (of amounts: of their
size) and how many are equal. Not computed again: the CRPS and the PIT of a single forecast, which need its
draws; their means, intervals and histograms are. Ends with status 1 where anything differs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtrit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

TOLERANCE = 1e-9
FLOOR, BINS, MIN_ROWS, MIN_SPREAD = 1e-6, 15, 30, 0.1
LEVELS = {"50": ("p25", "p75"), "80": ("p10", "p90"), "90": ("p05", "p95")}
QUANTILES = {"p05": 0.05, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95}
OURS, CHANCE = "sancho", "chance."


def main(rows_file: Path, result_file: Path) -> int:
    """Compute, compare and print; 1 where anything differs."""
    result = json.loads(result_file.read_text("utf-8"))
    deals = read(rows_file)
    periods = read(rows_file.with_name(f"{rows_file.stem}.periods{rows_file.suffix}"))
    found = {
        "deals": {question: deal_tables(deals, question, result) for question in result["deals"]},
        "periods": {
            kind: period_tables(part) for kind, part in periods.groupby("kind", sort=False) if len(part)
        },
        "attained": [bool(a >= t) if t == t else None for a, t in of_first(periods)],
    }
    told = {
        "deals": result["deals"],
        "periods": result["periods"],
        "attained": [forecast["attained"] for forecast in result["forecasts"]],
    }
    differences, equal = compared(told, found, "")
    for line in differences:
        print(line)
    print(f"{equal} figures are equal, {len(differences)} differ")
    print("not computed again: crps and pit of each single forecast (their draws are not in the rows)")
    return 1 if differences else 0


def read(file: Path) -> pd.DataFrame:
    """A table of rows with all digits."""
    if file.suffix.lower() == ".parquet":
        return pd.read_parquet(file)
    words = dict.fromkeys(("question", "deal_id", "stage", "scope", "kind", "method", "target_from"), str)
    table = pd.read_csv(file, dtype=words, keep_default_na=False)
    for name in table.columns.difference([*words, "period", "origin", "as_of"]):
        if not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = table[name].replace("", np.nan).astype(float)
    return table


# --- deals


def deal_tables(rows: pd.DataFrame, question: str, result: dict) -> dict:
    """All tables of one question."""
    rows = rows[rows["question"] == question] if len(rows) else rows
    methods = [name for name in rows.columns if name.startswith(CHANCE) and rows[name].notna().all()]
    if not len(rows):
        methods = []
    told = result["deals"][question]
    weeks = [row["week"] for row in told["by_week"]]
    stages = [row["stage"] for row in told["by_stage"]]
    return {
        "overall": deal_row(rows, methods),
        "by_week": [{"week": week, **deal_row(rows[rows["week"] == week], methods)} for week in weeks],
        "by_stage": [{"stage": stage, **deal_row(rows[rows["stage"] == stage], methods)} for stage in stages],
        "reliability": {
            name.removeprefix(CHANCE): curve(rows[name], rows["outcome"], rows["weight"]).tolist()
            for name in methods
        },
    }


def deal_row(rows: pd.DataFrame, methods: list[str]) -> dict:
    """Counts, scores and differences of some rows."""
    if not len(rows):
        nothing = {"all_lost": None, "all_won": None}
        counts = dict.fromkeys(("rows", "deals", "periods", "still_open"), 0)
        return {**counts, "won_share": None, "won_share_if": nothing, "methods": {}, "against": {}}
    weight, alive = rows["weight"].to_numpy(), rows["still_alive"].to_numpy().astype(bool)
    partial = rows["outcome"].to_numpy()
    lost, won = np.where(alive, 0.0, partial), np.where(alive, 1.0, partial)
    out = {
        "rows": len(rows),
        "deals": rows["deal_id"].nunique(),
        "periods": rows["period"].nunique(),
        "still_open": int(alive.sum()),
        "won_share": np.average(partial, weights=weight),
        "won_share_if": {
            "all_lost": np.average(lost, weights=weight),
            "all_won": np.average(won, weights=weight),
        },
        "methods": {},
        "against": {},
    }
    if len(rows) < MIN_ROWS:
        return out
    deal, period = rows["deal_id"].to_numpy(), rows["period"].to_numpy()
    losses: dict[str, dict[str, np.ndarray]] = {}
    for column in methods:
        name, chance = column.removeprefix(CHANCE), rows[column].to_numpy()
        losses[name] = {
            "log_loss": np.stack([log_losses(chance, y) for y in (partial, lost, won)]),
            "brier": np.stack([y * (1 - chance) ** 2 + (1 - y) * chance**2 for y in (partial, lost, won)]),
        }
        figures = {kind: bounded(losses[name][kind], weight, deal, period) for kind in losses[name]}
        twice, y_twice, w_twice = (
            np.tile(chance, 2),
            np.repeat([1, 0], len(rows)),
            np.concatenate([weight * partial, weight * (1 - partial)]),
        )
        by_library = log_loss(y_twice, np.clip(twice, FLOOR, 1 - FLOOR), sample_weight=w_twice, labels=[0, 1])
        if abs(by_library - figures["log_loss"]["mean"]) > TOLERANCE:
            raise SystemExit(f"scikit-learn's log loss of {name} is {by_library}")
        figures |= unlike_means(chance, partial, weight)
        figures["mean_probability"] = np.average(chance, weights=weight)
        figures["calibration_noise"] = noise(chance, weight, deal)
        figures["slope"], figures["intercept"] = slope_intervals(chance, partial, weight, deal, period)
        if alive.any():
            ends = {"all_lost": lost, "all_won": won}
            figures["if"] = {end: unlike_means(chance, outcome, weight) for end, outcome in ends.items()}
            for end, outcome in ends.items():
                intercept, slope = slope_of(chance, outcome, weight)
                figures["if"][end] |= {"slope": slope, "intercept": intercept}
        out["methods"][name] = figures
    if OURS not in losses:
        return {**out, "methods": {}}
    for name in losses:
        if name != OURS:
            out["against"][name] = {
                kind: bounded(losses[OURS][kind] - losses[name][kind], weight, deal, period)
                for kind in ("log_loss", "brier")
            }
    return out


def log_losses(chance: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """-log of the probability of what happened."""
    p = np.clip(chance, FLOOR, 1 - FLOOR)
    return -(outcome * np.log(p) + (1 - outcome) * np.log1p(-p))


def bounded(scores: np.ndarray, weight: np.ndarray, deal: np.ndarray, period: np.ndarray) -> dict:
    """The mean with its interval, and the bounds whatever becomes of deals still alive."""
    return {
        **interval(scores[0], weight, deal, period),
        "least": np.average(scores[1:].min(axis=0), weights=weight),
        "most": np.average(scores[1:].max(axis=0), weights=weight),
    }


def interval(values: np.ndarray, weight: np.ndarray, one: np.ndarray, other: np.ndarray) -> dict:
    """The weighted mean; rows of a `one` share luck, and rows of an `other` (Cameron, Gelbach, Miller)."""
    mean = np.average(values, weights=weight)
    share = pd.DataFrame({"share": (values - mean) * weight / weight.sum(), "one": one, "other": other})

    def between(*by: str) -> float:
        sums = share.groupby(list(by))["share"].sum()
        return float((sums**2).sum() * len(sums) / max(len(sums) - 1, 1))

    ones, others = share["one"].nunique(), share["other"].nunique()
    if ones < 2:
        return {"mean": mean, "lo": None, "hi": None}
    first = between("one")
    second = max(between("other") - between("one", "other"), 0.0) if others > 1 else 0.0
    variance = first + second
    if variance == 0:
        return {"mean": mean, "lo": mean, "hi": mean}
    freedom = variance**2 / (first**2 / (ones - 1) + second**2 / max(others - 1, 1))
    half = stdtrit(max(freedom, 1.0), 0.975) * np.sqrt(variance)
    return {"mean": mean, "lo": mean - half, "hi": mean + half}


def unlike_means(chance: np.ndarray, outcome: np.ndarray, weight: np.ndarray) -> dict:
    """AUC and calibration error."""
    y = np.repeat([1, 0], len(chance))
    w = np.concatenate([weight * outcome, weight * (1 - outcome)])
    both = w[y == 1].sum() > 0 and w[y == 0].sum() > 0
    table = curve(chance, outcome, weight)
    return {
        "auc": roc_auc_score(y, np.tile(chance, 2), sample_weight=w) if both else None,
        "calibration_error": np.average(np.abs(table[:, 0] - table[:, 1]), weights=table[:, 2]),
    }


def bins_of(weight: np.ndarray) -> np.ndarray:
    """The bin of each row in ascending order of chance; all bins weigh alike."""
    middle = np.cumsum(weight) - weight / 2
    return np.minimum((middle / weight.sum() * BINS).astype(int), BINS - 1)


def curve(chance: pd.Series, outcome: pd.Series, weight: pd.Series) -> np.ndarray:
    """Mean probability, share won and weight in bins of equal weight."""
    table = pd.DataFrame({"p": np.asarray(chance), "y": np.asarray(outcome), "w": np.asarray(weight)})
    table = table.sort_values("p", kind="stable")
    table["bin"] = bins_of(table["w"].to_numpy())
    sums = (
        table.assign(p=table["p"] * table["w"], y=table["y"] * table["w"])
        .groupby("bin")[["p", "y", "w"]]
        .sum()
    )
    return np.stack([sums["p"] / sums["w"], sums["y"] / sums["w"], sums["w"]], axis=1)


def noise(chance: np.ndarray, weight: np.ndarray, deal: np.ndarray) -> float:
    """The mean calibration error of right probabilities, a deal's rows drawn together."""
    table = pd.DataFrame({"p": chance, "w": weight, "deal": deal}).sort_values("p", kind="stable")
    table["bin"] = bins_of(table["w"].to_numpy())
    variance = np.zeros(BINS)
    for (number, _), rows in table.groupby(["bin", "deal"], sort=False):
        p, w = rows["p"].to_numpy(), rows["w"].to_numpy()
        covariance = np.minimum.outer(p, p) - np.outer(p, p)
        variance[number] += w @ covariance @ w
    return float(np.sqrt(2 * np.maximum(variance, 0) / np.pi).sum() / weight.sum())


def log_odds(chance: np.ndarray) -> np.ndarray:
    """Log-odds within the floor."""
    p = np.clip(chance, FLOOR, 1 - FLOOR)
    return np.log(p) - np.log1p(-p)


def slope_of(
    chance: np.ndarray, outcome: np.ndarray, weight: np.ndarray
) -> tuple[float | None, float | None]:
    """Intercept and slope of outcomes on log-odds."""
    score = log_odds(chance)
    spread = np.sqrt(np.average((score - np.average(score, weights=weight)) ** 2, weights=weight))
    if len(outcome) < 10 or outcome.min() == outcome.max() or spread < MIN_SPREAD:
        return None, None
    score = score[:, None]
    y = np.repeat([1, 0], len(chance))
    w = np.concatenate([weight * outcome, weight * (1 - outcome)])
    use = w > 0
    twice = np.concatenate([score, score])
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-13, max_iter=1000)
    model.fit(twice[use], y[use], sample_weight=w[use])
    found = np.array([model.intercept_[0], model.coef_[0, 0]])
    for _ in range(5):  # a chance that hardly varies leaves the library's last digits open
        found = found + newton_step(found, log_odds(chance), outcome, weight)
    return float(found[0]), float(found[1])


def newton_step(found: np.ndarray, score: np.ndarray, outcome: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The way from coefficients towards the maximum of the likelihood."""
    design = np.stack([np.ones(len(score)), score], axis=1)
    fitted = 1 / (1 + np.exp(-(design @ found)))
    information = design.T @ (design * (weight * fitted * (1 - fitted))[:, None])
    return np.linalg.solve(information, design.T @ (weight * (outcome - fitted)))


def slope_intervals(
    chance: np.ndarray, outcome: np.ndarray, weight: np.ndarray, deal: np.ndarray, period: np.ndarray
) -> tuple[dict, dict]:
    """Slope and intercept with their intervals, by what each row moves them by."""
    undefined = {"mean": None, "lo": None, "hi": None}
    intercept, slope = slope_of(chance, outcome, weight)
    if slope is None:
        return undefined, undefined
    design = np.stack([np.ones(len(chance)), log_odds(chance)], axis=1)
    fitted = 1 / (1 + np.exp(-(design @ [intercept, slope])))
    information = design.T @ (design * (weight * fitted * (1 - fitted))[:, None])
    moved = (design * (outcome - fitted)[:, None]) @ np.linalg.inv(information) * weight.sum()
    of = [interval(value + moved[:, k], weight, deal, period) for k, value in enumerate((intercept, slope))]
    return of[1], of[0]


# --- periods


def period_tables(rows: pd.DataFrame) -> dict:
    """All tables of one kind of scope."""
    rows = rows.assign(**scores_of(rows))
    weeks = sorted(rows["week"].unique())
    return {
        "overall": period_row(rows),
        "by_week": [{"week": int(week), **period_row(rows[rows["week"] == week])} for week in weeks],
        "pit": {
            name: np.histogram(part["pit"].clip(0, 1), bins=10, range=(0, 1))[0].tolist()
            for name, part in rows.groupby("method", sort=False)
        },
    }


def scores_of(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """The scores of each forecast that its quantiles and chance tell."""
    actual = rows["actual"]
    pinball = [
        np.maximum(level * (actual - rows[name]), (level - 1) * (actual - rows[name]))
        for name, level in QUANTILES.items()
    ]
    slack = 1e-9 * np.maximum(actual.abs(), 1)
    covered = {
        f"covered{level}": ((rows[lo] - slack <= actual) & (actual <= rows[hi] + slack)).astype(float)
        for level, (lo, hi) in LEVELS.items()
    }
    return {
        "pinball": sum(pinball) / len(pinball),
        "error": rows["mean"] - actual,
        "width80": rows["p90"] - rows["p10"],
        "brier": (rows["probability"] - (actual >= rows["target"])) ** 2,
        **covered,
    }


def period_row(rows: pd.DataFrame) -> dict:
    """Counts, scores and differences of some forecasts."""
    by_method = dict(tuple(rows.groupby("method", sort=False)))
    first = by_method[OURS]
    aimed = first["target"].notna().to_numpy()
    reached = (first["actual"] >= first["target"]).to_numpy()[aimed]
    out = {
        "rows": len(first),
        "periods": first["period"].nunique(),
        "scopes": first["scope"].nunique(),
        "mean_actual": first["actual"].mean(),
        "rows_with_target": int(aimed.sum()),
        "rows_with_stand_in": int((aimed & (first["target_from"] != "set").to_numpy()).sum()),
        "attained": reached.mean() if aimed.any() else None,
        "methods": {},
        "against": {},
    }
    for name, part in by_method.items():
        coverage = {}
        for level in LEVELS:
            share = mean_of(part, f"covered{level}")
            ends = {
                end: None if share[end] is None else float(np.clip(share[end], 0, 1)) for end in ("lo", "hi")
            }
            coverage[level] = {**share, **ends}
        out["methods"][name] = {
            **{score: mean_of(part, score) for score in ("crps", "pinball", "error")},
            "absolute_error": part["error"].abs().mean(),
            "width80": part["width80"].mean(),
            "coverage": coverage,
            "brier": mean_of(part[aimed], "brier"),
            "probability": part["probability"][aimed].mean() if aimed.any() else None,
        }
        if name != OURS:
            gap = first.reset_index(drop=True)[["period", "scope"]]
            for score in ("crps", "pinball", "brier"):
                gap[score] = first[score].to_numpy() - part[score].to_numpy()
            out["against"][name] = {
                "crps": mean_of(gap, "crps"),
                "pinball": mean_of(gap, "pinball"),
                "brier": mean_of(gap[aimed], "brier"),
            }
    return out


def mean_of(rows: pd.DataFrame, name: str) -> dict:
    """A mean with its interval: forecasts of a period share luck, and those of a scope."""
    if not len(rows):
        return {"mean": None, "lo": None, "hi": None}
    return interval(
        rows[name].to_numpy(), np.ones(len(rows)), rows["period"].to_numpy(), rows["scope"].to_numpy()
    )


def of_first(rows: pd.DataFrame) -> list[tuple[float, float]]:
    """Actual and target of each forecast, once."""
    ours = rows[rows["method"] == OURS]
    return list(zip(ours["actual"], ours["target"], strict=True))


# --- comparing


def compared(told: object, found: object, path: str) -> tuple[list[str], int]:
    """What differs, and how many numbers are equal, below a place of the JSON."""
    if isinstance(told, dict):
        if not isinstance(found, dict) or set(told) != set(found):
            return [f"{path}: {sorted(told)} and {sorted(found) if isinstance(found, dict) else found}"], 0
        return joined([compared(told[name], found[name], f"{path}.{name}") for name in told])
    if isinstance(told, list):
        if len(told) != len(found):
            return [f"{path}: {len(told)} and {len(found)} entries"], 0
        pairs = zip(told, found, strict=True)
        return joined([compared(a, b, f"{path}[{number}]") for number, (a, b) in enumerate(pairs)])
    if told is None or isinstance(told, str | bool):
        return ([], 1) if told == found else ([f"{path}: {told} and {found}"], 0)
    if found is None or not abs(told - found) <= TOLERANCE * max(abs(told), 1.0):
        return [f"{path}: {told} and {found}"], 0
    return [], 1


def joined(parts: list[tuple[list[str], int]]) -> tuple[list[str], int]:
    """Several comparisons as one."""
    return [line for lines, _ in parts for line in lines], sum(count for _, count in parts)


if __name__ == "__main__":
    sys.exit(main(*(Path(argument) for argument in sys.argv[1:3])))
