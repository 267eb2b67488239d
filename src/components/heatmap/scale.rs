//! From a figure to a shade: classes with round bounds, few enough to be told apart on a map.
//!
//! A figure of zero is in no class: nothing is never shown as a little.

use crate::model::quantity;

/// Classes, and so shades, at most: `--shade-0` to `--shade-7`.
pub const MOST_CLASSES: usize = 8;

/// How figures become classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps.
    Linear,
    /// Equal factors: shows the small ones beside the large ones.
    #[default]
    Logarithmic,
    /// Equally many countries in each class.
    Quantile,
}

impl Scale {
    /// Every scale, in the order of the switch.
    pub const ALL: [Self; 3] = [Self::Linear, Self::Logarithmic, Self::Quantile];

    /// The word in the address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Logarithmic => "log",
            Self::Quantile => "quantile",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scale| scale.name() == text)
    }

    /// The word on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Linear => "Linear",
            Self::Logarithmic => "Logarithmic",
            Self::Quantile => "Quantile",
        }
    }

    /// What a step of the legend means.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Linear => "equal steps",
            Self::Logarithmic => "equal factors",
            Self::Quantile => "equally many countries a colour",
        }
    }
}

/// One class of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its smallest figure.
    pub from: u64,
    /// The smallest figure above it; of the highest class the largest figure there is.
    pub to: u64,
    /// Its shade.
    pub shade: u8,
    /// How many of the figures are in it.
    pub number: usize,
}

/// The classes of some figures, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classes(Vec<Class>);

impl Classes {
    /// Parts figures into classes; zeros are left out.
    pub fn of(scale: Scale, figures: impl Iterator<Item = u64>) -> Self {
        let mut figures: Vec<u64> = figures.filter(|figure| *figure > 0).collect();
        figures.sort_unstable();
        let (Some(&smallest), Some(&largest)) = (figures.first(), figures.last()) else {
            return Self::default();
        };
        let lower = match scale {
            Scale::Linear => equal_steps(largest),
            Scale::Logarithmic => equal_factors(smallest, largest),
            Scale::Quantile => equal_numbers(&figures),
        };
        let upper = lower.iter().skip(1).copied().chain([largest]);
        let last = lower.len().saturating_sub(1);
        Self(
            lower
                .iter()
                .zip(upper)
                .enumerate()
                .map(|(position, (&from, to))| {
                    let before = |bound: u64| figures.partition_point(|figure| *figure < bound);
                    let end = if position == last { figures.len() } else { before(to) };
                    Class { from, to, shade: shade(position, last), number: end - before(from) }
                })
                .collect(),
        )
    }

    /// The classes, ascending.
    pub fn classes(&self) -> &[Class] {
        &self.0
    }

    /// The shade of a figure; `None` for zero.
    pub fn shade(&self, figure: u64) -> Option<u8> {
        let above = self.0.partition_point(|class| class.from <= figure);
        above.checked_sub(1).and_then(|position| self.0.get(position)).map(|class| class.shade)
    }
}

/// Few classes are spread over all shades, and one alone is the strongest.
fn shade(position: usize, last: usize) -> u8 {
    let strongest = MOST_CLASSES - 1;
    let shade = (position * strongest + last / 2).checked_div(last).unwrap_or(strongest);
    u8::try_from(shade.min(strongest)).unwrap_or_default()
}

fn equal_steps(most: u64) -> Vec<u64> {
    let classes = MOST_CLASSES as u64;
    let step = round_at_least(most.div_ceil(classes));
    if step == 1 {
        return (1..=most).collect();
    }
    let mut lower = vec![1];
    lower.extend((1..classes).map(|k| k.saturating_mul(step)).filter(|bound| (2..most).contains(bound)));
    lower
}

fn equal_factors(least: u64, most: u64) -> Vec<u64> {
    /// Mantissas of round numbers, and every how many powers of ten they stand.
    const ROUND: [(&[u64], usize); 6] =
        [(&[1, 2, 5], 1), (&[1, 3], 1), (&[1], 1), (&[1], 2), (&[1], 3), (&[1], 4)];
    let mut lower = Vec::new();
    for (mantissas, every) in ROUND {
        let powers = (0..20_u32).step_by(every).filter_map(|power| 10_u64.checked_pow(power));
        let bounds: Vec<u64> =
            powers.flat_map(|power| mantissas.iter().filter_map(move |m| m.checked_mul(power))).collect();
        let first = bounds.partition_point(|bound| *bound <= least).saturating_sub(1);
        lower = bounds.into_iter().skip(first).take_while(|bound| *bound <= most).collect();
        if lower.len() <= MOST_CLASSES {
            break;
        }
    }
    lower
}

fn equal_numbers(sorted: &[u64]) -> Vec<u64> {
    let classes = MOST_CLASSES.min(sorted.len());
    let mut lower: Vec<u64> =
        (0..classes).filter_map(|class| sorted.get(class * sorted.len() / classes).copied()).collect();
    lower.dedup();
    lower
}

/// The next of 1, 2, 5, 10, 20, 50 and so on.
fn round_at_least(number: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for mantissa in [1, 2, 5] {
            let round = power.saturating_mul(mantissa);
            if round >= number {
                return round;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// How a figure became another one, as one of seven shades: `--shade-8` (much less) to `--shade-14` (much more).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// How many times the figure it is compared with; infinite where that is zero.
    pub factor: f64,
}

impl Change {
    /// Factors between the shades.
    pub const BOUNDS: [f64; 6] = [0.25, 0.5, 0.9, 1.1, 2.0, 4.0];
    /// The first of its shades.
    pub const FIRST_SHADE: u8 = 8;

    /// From one figure to another; `None` where both are zero.
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    pub fn of(before: u64, now: u64) -> Option<Self> {
        (before > 0 || now > 0).then(|| Self { factor: now as f64 / before as f64 })
    }

    /// Between the shares of two totals.
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    pub fn of_shares((part, whole): (u64, u64), (now, now_whole): (u64, u64)) -> Option<Self> {
        (part > 0 || now > 0).then(|| Self {
            factor: (now as f64 / now_whole.max(1) as f64) / (part as f64 / whole.max(1) as f64),
        })
    }

    /// Its shade.
    pub fn shade(self) -> u8 {
        let above = Self::BOUNDS.partition_point(|bound| *bound <= self.factor);
        Self::FIRST_SHADE + u8::try_from(above).unwrap_or_default()
    }

    /// `+12 %`, `−50 %`, `×12` from tenfold on, `new` where there was nothing.
    pub fn percent(self) -> String {
        if self.factor.is_infinite() {
            return "new".to_owned();
        }
        let percent = (self.factor - 1.0) * 100.0;
        match percent {
            percent if percent >= 900.0 => format!("×{}", rounded(self.factor)),
            percent if percent >= 0.5 => format!("+{percent:.0}\u{202f}%"),
            percent if percent <= -0.5 => format!("−{:.0}\u{202f}%", percent.abs()),
            _ => "0\u{202f}%".to_owned(),
        }
    }

    /// `0.25×`, `3.1×`, `120×`; `∞` where the other share is nothing.
    pub fn times(self) -> String {
        match self.factor {
            factor if factor.is_infinite() => "∞".to_owned(),
            factor if factor >= 10.0 => format!("{}×", rounded(factor)),
            factor if factor >= 1.0 => format!("{factor:.1}×"),
            factor if factor >= 0.01 => format!("{factor:.2}×"),
            factor if factor > 0.0 => "below 0.01×".to_owned(),
            _ => "0×".to_owned(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
fn rounded(factor: f64) -> String {
    quantity::short_count(factor.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(scale: Scale, figures: &[u64]) -> Vec<u64> {
        let classes = Classes::of(scale, figures.iter().copied());
        classes.classes().iter().map(|class| class.from).collect()
    }

    #[test]
    fn equal_steps_and_equal_factors_have_round_bounds() {
        assert_eq!(bounds(Scale::Linear, &[3, 790, 12]), [1, 100, 200, 300, 400, 500, 600, 700]);
        assert_eq!(bounds(Scale::Linear, &[3]), [1, 2, 3]);
        assert_eq!(bounds(Scale::Logarithmic, &[3, 40]), [2, 5, 10, 20]);
        assert_eq!(
            bounds(Scale::Logarithmic, &[7, 3_000_000]),
            [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000]
        );
        assert_eq!(bounds(Scale::Logarithmic, &[1, u64::MAX]).len(), 7);
    }

    #[test]
    fn a_quantile_has_as_many_countries_as_the_next() {
        let classes = Classes::of(Scale::Quantile, 1..=80);
        assert_eq!(classes.classes().len(), 8);
        assert!(classes.classes().iter().all(|class| class.number == 10));
        assert_eq!(bounds(Scale::Quantile, &[5, 5, 5, 9]), [5, 9]);
    }

    #[test]
    fn nothing_has_no_shade_and_the_largest_has_the_strongest() {
        for scale in Scale::ALL {
            for figures in [&[1][..], &[1, 2], &[5, 900, 40_000_000], &[7; 30], &[u64::MAX, 1]] {
                let classes = Classes::of(scale, figures.iter().copied().chain([0, 0]));
                let most = figures.iter().copied().max().unwrap();
                assert_eq!(classes.shade(0), None, "{scale:?} {figures:?}");
                assert_eq!(classes.shade(most), Some(7), "{scale:?} {figures:?}");
                let counted: usize = classes.classes().iter().map(|class| class.number).sum();
                assert_eq!(counted, figures.len(), "{scale:?} {figures:?}");
                assert!(classes.classes().len() <= MOST_CLASSES);
            }
            assert!(Classes::of(scale, [0].into_iter()).classes().is_empty());
        }
    }

    #[test]
    fn a_change_is_told_in_percent_and_in_seven_shades() {
        let told = |before, now| Change::of(before, now).map(|change| (change.percent(), change.shade()));
        let text = |text: &str| text.replace(' ', "\u{202f}");
        assert_eq!(told(0, 0), None);
        assert_eq!(told(0, 5), Some(("new".to_owned(), 14)));
        assert_eq!(told(100, 100), Some((text("0 %"), 11)));
        assert_eq!(told(100, 112), Some((text("+12 %"), 12)));
        assert_eq!(told(100, 50), Some((text("−50 %"), 10)));
        assert_eq!(told(100, 0), Some((text("−100 %"), 8)));
        assert_eq!(told(1, 50), Some(("×50".to_owned(), 14)));
    }

    #[test]
    fn two_carriers_of_bytes_with_few_flows_are_many_times_heavier_than_their_flows() {
        let change = Change::of_shares((10, 1_000), (450_000, 1_000_000)).unwrap();
        assert_eq!((change.times(), change.shade()), ("45×".to_owned(), 14));
        let change = Change::of_shares((33, 1_000), (3_000, 1_000_000)).unwrap();
        assert_eq!((change.times().as_str(), change.shade()), ("0.09×", 8));
        assert_eq!(Change { factor: 0.25 }.times(), "0.25×");
        assert_eq!(Change { factor: 0.0004 }.times(), "below 0.01×");
    }
}
