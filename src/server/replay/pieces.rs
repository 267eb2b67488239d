//! How a range is cut into pieces that are read as a whole.

use crate::model::round_lengths::MINUTE;
use crate::model::time_range::TimeRange;

/// A part of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub range: TimeRange,
    /// About how many flows it has, before any filter.
    pub rows: u64,
}

/// Cuts a range into pieces of about so many flows, where files begin, so that as a rule each is read once: small ones together, many flows in several parts
/// of equal length. `extents` are when the flows of each file were received, and how many they are.
pub(super) fn cut(range: TimeRange, extents: &mut [(TimeRange, u64)], piece_rows: u64) -> Vec<Piece> {
    extents.sort_unstable_by_key(|(extent, _)| extent.from_ms);
    let (most, few) = (piece_rows + piece_rows / 4, piece_rows / 4);
    let mut starts = starts(extents);
    starts.retain(|start| range.from_ms < *start && *start < range.to_ms);
    starts.push(range.to_ms);
    starts.sort_unstable();
    starts.dedup();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut from_ms = range.from_ms;
    let mut later = extents.iter().copied().peekable();
    // Those that may have flows in the stretch that is looked at.
    let mut open: Vec<(TimeRange, u64)> = Vec::new();
    for start in starts {
        let Some(range) = TimeRange::new(from_ms, start) else { continue };
        from_ms = start;
        open.retain(|(extent, _)| extent.to_ms > range.from_ms);
        open.extend(std::iter::from_fn(|| later.next_if(|(extent, _)| extent.from_ms < range.to_ms)));
        let rows = rows_in(range, &open);
        match pieces.last_mut() {
            Some(last) if last.rows.saturating_add(rows) <= few => {
                last.range.to_ms = range.to_ms;
                last.rows += rows;
            }
            _ => pieces.extend(parts(Piece { range, rows }, rows.div_ceil(most.max(1)))),
        }
    }
    pieces
}

/// Where files begin; where its minute begins, if no other file has flows in between: there sums end, too. The extents come
/// by their beginnings.
fn starts(extents: &[(TimeRange, u64)]) -> Vec<i64> {
    let mut last_ms = i64::MIN;
    let mut starts = Vec::with_capacity(extents.len());
    for same in extents.chunk_by(|(one, _), (other, _)| one.from_ms == other.from_ms) {
        let Some((first, _)) = same.first() else { continue };
        let minute = first.from_ms.div_euclid(MINUTE) * MINUTE;
        starts.push(if last_ms <= minute { minute } else { first.from_ms });
        last_ms = same.iter().fold(last_ms, |last, (extent, _)| last.max(extent.to_ms));
    }
    starts
}

/// About how many flows a range has.
pub(super) fn rows_in(range: TimeRange, extents: &[(TimeRange, u64)]) -> u64 {
    extents
        .iter()
        .filter_map(|(extent, rows)| rows_of_part(*extent, *rows, range))
        .fold(0, u64::saturating_add)
}

/// About how many flows of these pieces a range has.
pub(super) fn rows_of_pieces(range: TimeRange, pieces: &[Piece]) -> u64 {
    let of = |piece: &Piece| rows_of_part(piece.range, piece.rows, range);
    pieces.iter().filter_map(of).fold(0, u64::saturating_add)
}

/// About how many of the flows of an extent a range has.
fn rows_of_part(extent: TimeRange, rows: u64, range: TimeRange) -> Option<u64> {
    let common = extent.intersection(range)?.length_ms();
    let rows = i128::from(rows) * i128::from(common) / i128::from(extent.length_ms().max(1));
    u64::try_from(rows).ok()
}

/// A piece in so many parts of equal length, as far as milliseconds go.
pub(super) fn parts(piece: Piece, count: u64) -> Vec<Piece> {
    let length = piece.range.length_ms();
    let count = i64::try_from(count).unwrap_or(i64::MAX).clamp(1, length.max(1));
    let at = |part: i64| {
        let offset = i128::from(length) * i128::from(part) / i128::from(count);
        piece.range.from_ms.saturating_add(i64::try_from(offset).unwrap_or(length))
    };
    let rows = piece.rows / u64::try_from(count).unwrap_or(1);
    let ranges = (0..count).filter_map(|part| TimeRange::new(at(part), at(part + 1)));
    ranges.map(|range| Piece { range, rows }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from_ms: i64, to_ms: i64) -> TimeRange {
        TimeRange { from_ms, to_ms }
    }

    #[test]
    fn pieces_follow_each_other_without_a_gap_and_begin_with_files() {
        let hour = 60 * MINUTE;
        let mut extents: Vec<_> =
            (0..24).map(|number| (range(number * hour + 3, (number + 1) * hour), 800_000)).collect();
        let day = range(10, 24 * hour);
        let pieces = cut(day, &mut extents, 1 << 20);
        assert_eq!(pieces.len(), 24);
        assert_eq!((pieces[0].range.from_ms, pieces[23].range.to_ms), (10, 24 * hour));
        for pair in pieces.windows(2) {
            assert_eq!(pair[0].range.to_ms, pair[1].range.from_ms);
            assert_eq!(pair[1].range.from_ms % hour, 0);
        }
    }

    #[test]
    fn small_files_are_one_piece_and_many_flows_several() {
        let mut small: Vec<_> =
            (0..100).map(|number| (range(number * 1_000, number * 1_000 + 900), 500)).collect();
        assert_eq!(cut(range(0, 100_000), &mut small, 1 << 20).len(), 1);
        let mut flood = [(range(0, 1_000), 5 << 20)];
        let pieces = cut(range(0, 1_000), &mut flood, 1 << 20);
        assert_eq!(pieces.len(), 4);
        assert_eq!(pieces.iter().map(|piece| piece.range.length_ms()).sum::<i64>(), 1_000);
        assert_eq!(cut(range(5, 6), &mut [], 9), [Piece { range: range(5, 6), rows: 0 }]);
        assert_eq!(parts(Piece { range: range(5, 6), rows: 9 }, 4).len(), 1);
    }

    #[test]
    fn many_files_that_overlap_are_cut_as_one_looks_at_each_of_them() {
        let mut rng = fastrand::Rng::with_seed(9);
        for _ in 0..50 {
            let mut extents: Vec<_> = (0..rng.u64(1..60))
                .map(|_| {
                    let from_ms = rng.i64(0..40) * 15_000;
                    (range(from_ms, from_ms + rng.i64(1..200_000)), rng.u64(1..2_000))
                })
                .collect();
            let whole = range(rng.i64(0..50_000), 500_000 + rng.i64(0..500_000));
            let pieces = cut(whole, &mut extents, 1_000);
            assert_eq!(
                (pieces[0].range.from_ms, pieces[pieces.len() - 1].range.to_ms),
                (whole.from_ms, whole.to_ms)
            );
            let naive = |start_ms: i64| {
                let minute = start_ms.div_euclid(MINUTE) * MINUTE;
                let is_free = TimeRange::new(minute, start_ms).is_none_or(|before| {
                    extents.iter().all(|(extent, _)| extent.intersection(before).is_none())
                });
                if is_free { minute } else { start_ms }
            };
            let mut expected: Vec<i64> = extents.iter().map(|(extent, _)| naive(extent.from_ms)).collect();
            expected.dedup();
            let mut found = starts(&extents);
            found.dedup();
            assert_eq!(found, expected);
            for pair in pieces.windows(2) {
                assert_eq!(pair[0].range.to_ms, pair[1].range.from_ms);
            }
            let (rows, all) = (pieces.iter().map(|piece| piece.rows).sum::<u64>(), rows_in(whole, &extents));
            assert!(rows.abs_diff(all) <= 200 + all / 10, "{rows} {all}");
        }
    }

    #[test]
    fn fifty_thousand_files_are_cut_at_once() {
        let mut extents: Vec<_> =
            (0..50_000).map(|number| (range(number * MINUTE, number * MINUTE + 90_000), 1_000)).collect();
        let began = std::time::Instant::now();
        let pieces = cut(range(0, 50_000 * MINUTE), &mut extents, 1 << 20);
        assert!(pieces.len() > 10 && began.elapsed().as_secs() < 2);
    }
}
