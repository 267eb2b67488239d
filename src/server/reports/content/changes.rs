//! How a figure has changed, in words.

use crate::model::quantity;

/// From three times as much on, a change is told as a multiple.
const MULTIPLE_FROM: u128 = 3;

/// `12 % more bytes than in September 2026 (1.10 TB)`. Never a part of nothing, and never more exact than it is.
pub(super) fn bytes(now: u64, before: u64, period_before: &str) -> String {
    let (wide, wide_before) = (u128::from(now), u128::from(before));
    let was = quantity::bytes(before);
    let difference = wide.abs_diff(wide_before);
    let Some(percent) = (difference * 100 + wide_before / 2).checked_div(wide_before) else {
        return if now == 0 {
            format!("as little as in {period_before}: none")
        } else {
            format!("after none in {period_before}")
        };
    };
    if now == 0 {
        return format!("after {was} in {period_before}");
    }
    if wide >= wide_before * MULTIPLE_FROM {
        let tenths = (wide * 10 + wide_before / 2) / wide_before;
        let times = match tenths {
            ..100 => format!("{}.{}", tenths / 10, tenths % 10),
            _ => quantity::count(u64::try_from((tenths + 5) / 10).unwrap_or(u64::MAX)),
        };
        return format!("{times} times the bytes of {period_before} ({was})");
    }
    if difference * 200 < wide_before {
        return format!("about as many bytes as in {period_before} ({was})");
    }
    let way = if now > before { "more" } else { "fewer" };
    if percent >= 100 && now < before {
        return format!("less than 1\u{202f}% of the bytes of {period_before} ({was})");
    }
    format!("{percent}\u{202f}% {way} bytes than in {period_before} ({was})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_part_a_multiple_or_the_figure_before() {
        let said = |now, before| bytes(now, before, "May 2026").replace('\u{202f}', " ");
        assert_eq!(said(1_120, 1_000), "12 % more bytes than in May 2026 (1.00 kB)");
        assert_eq!(said(880, 1_000), "12 % fewer bytes than in May 2026 (1.00 kB)");
        assert_eq!(said(2_500, 1_000), "150 % more bytes than in May 2026 (1.00 kB)");
        assert_eq!(said(4_150, 1_000), "4.2 times the bytes of May 2026 (1.00 kB)");
        assert_eq!(said(12_000_000, 1_000), "12 000 times the bytes of May 2026 (1.00 kB)");
        assert_eq!(said(1_004, 1_000), "about as many bytes as in May 2026 (1.00 kB)");
        assert_eq!(said(1, 1_000), "less than 1 % of the bytes of May 2026 (1.00 kB)");
        assert_eq!(said(5, 0), "after none in May 2026");
        assert_eq!(said(0, 1_000), "after 1.00 kB in May 2026");
        assert_eq!(said(0, 0), "as little as in May 2026: none");
        assert!(said(u64::MAX, 1).contains("times"));
        assert!(said(u64::MAX, u64::MAX).contains("about as many"));
    }
}
