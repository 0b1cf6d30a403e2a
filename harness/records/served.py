"""Who served the answers of a cell: one endpoint, or several behind one name."""

import polars as pl

from harness.records.pooling import groups, keys

__all__ = ["served_by", "served_notes"]

_SHOWN = 4


def served_by(frame: pl.DataFrame) -> str:
    """Endpoints with their shares where the records of a cell came from several, else "".

    Records that do not say where they came from are left out.
    """
    if "endpoint" not in frame.columns:
        return ""
    found = frame.get_column("endpoint").drop_nulls().value_counts(sort=True)
    if found.height < 2:
        return ""
    total = found["count"].sum()
    shares = [f"{name} {count / total:.0%}" for name, count in sorted(found.iter_rows(), key=_key)]
    more = f" and {len(shares) - _SHOWN} more" if len(shares) > _SHOWN else ""
    return f"answers of {len(shares)} endpoints ({', '.join(shares[:_SHOWN])}{more})"


def served_notes(frame: pl.DataFrame) -> list[str]:
    """One line a cell that holds answers of several endpoints."""
    if "endpoint" not in frame.columns or frame["endpoint"].n_unique() < 2:
        return []
    lines = []
    # Of what is read here alone: the parts of a million whole records are gigabytes.
    for key, part in groups(frame.select(pl.col("endpoint", *keys(frame)))):
        if said := served_by(part):
            name = ", ".join(str(key[column]) for column in ("rater", "template") if column in key)
            lines.append(f"{name}: {said}; they are one model only if they serve it alike")
    return list(dict.fromkeys(lines))


def _key(row: tuple[str, int]) -> tuple[int, str]:
    return -row[1], row[0]
