//! How fast a replay plays, as the address says it: `600`, `fit30`, backwards `-600`, `-fit30`.

use crate::model::quantity;
use crate::model::replay::{MAX_SPEED, MIN_SPEED};
use crate::model::time_range::TimeRange;

/// The speeds of the list, recorded seconds in a second.
pub const TIMES: [f64; 10] = [0.1, 1.0, 10.0, 60.0, 300.0, 1_200.0, 3_600.0, 21_600.0, 86_400.0, MAX_SPEED];
/// Into how many seconds a range can be fitted.
pub const FITS: [u32; 3] = [10, 30, 60];

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// The whole range in so many seconds.
    Fit(u32),
    /// So many times as fast as it was.
    Times(f64),
}

/// How fast and which way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// How fast.
    pub pace: Pace,
    /// True when it plays backwards.
    pub is_backward: bool,
}

impl Default for Speed {
    fn default() -> Self {
        Self { pace: Pace::Fit(30), is_backward: false }
    }
}

impl Pace {
    /// The word of the address.
    pub fn name(self) -> String {
        match self {
            Self::Fit(seconds) => format!("fit{seconds}"),
            Self::Times(times) => times.to_string(),
        }
    }

    /// What the list calls it.
    pub fn label(self) -> String {
        match self {
            Self::Fit(seconds) => format!("All in {seconds}\u{202f}s"),
            Self::Times(times) => match whole(times) {
                Some(1) => "Real time".to_owned(),
                Some(60) => format!("{} (1\u{202f}min/s)", times_told(times)),
                Some(3_600) => format!("{} (1\u{202f}h/s)", times_told(times)),
                Some(86_400) => format!("{} (1\u{202f}d/s)", times_told(times)),
                _ => times_told(times),
            },
        }
    }

    /// Reads the word of the address.
    pub fn parse(word: &str) -> Option<Self> {
        if let Some(seconds) = word.strip_prefix("fit") {
            let seconds = seconds.parse().ok()?;
            return FITS.contains(&seconds).then_some(Self::Fit(seconds));
        }
        let times: f64 = word.parse().ok()?;
        times.is_finite().then(|| Self::Times(times.abs().clamp(MIN_SPEED, MAX_SPEED)))
    }

    /// Recorded seconds in a second.
    #[expect(clippy::cast_precision_loss, reason = "a length of time")]
    pub fn of(self, range: TimeRange) -> f64 {
        match self {
            Self::Fit(seconds) => {
                let times = range.length_ms() as f64 / (f64::from(seconds) * 1000.0);
                times.clamp(MIN_SPEED, MAX_SPEED)
            }
            Self::Times(times) => times,
        }
    }
}

impl Speed {
    /// The word of the address.
    pub fn name(self) -> String {
        format!("{}{}", if self.is_backward { "-" } else { "" }, self.pace.name())
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        let (is_backward, pace) = word.strip_prefix('-').map_or((false, word), |rest| (true, rest));
        Pace::parse(pace).map(|pace| Self { pace, is_backward })
    }

    /// Recorded seconds in a second, negative backwards.
    pub fn of(self, range: TimeRange) -> f64 {
        let times = self.pace.of(range);
        if self.is_backward { -times } else { times }
    }

    /// The next of the list that is faster (or slower), the same way.
    #[must_use]
    pub fn next(self, range: TimeRange, is_faster: bool) -> Self {
        let now = self.pace.of(range);
        let next = if is_faster {
            TIMES.into_iter().find(|times| *times > now * 1.01)
        } else {
            TIMES.into_iter().rev().find(|times| *times < now * 0.99)
        };
        Self { pace: next.map_or(self.pace, Pace::Times), ..self }
    }
}

/// `1 200×`, `0.1×`, `12.5×`.
pub fn times_told(times: f64) -> String {
    match whole(if times < 100.0 { times } else { times.round() }) {
        Some(whole) => format!("{}×", quantity::count(u64::from(whole))),
        None => format!("{times:.1}×"),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "speeds are below a million")]
fn whole(times: f64) -> Option<u32> {
    (times >= 1.0 && times.fract() < 1e-9 && times <= MAX_SPEED).then_some(times as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: TimeRange = TimeRange { from_ms: 0, to_ms: 86_400_000 };

    #[test]
    fn every_word_of_an_address_is_read_back_as_it_was_written() {
        let paces = FITS.map(Pace::Fit).into_iter().chain(TIMES.map(Pace::Times)).chain([Pace::Times(12.5)]);
        for pace in paces {
            for is_backward in [false, true] {
                let speed = Speed { pace, is_backward };
                assert_eq!(Speed::parse(&speed.name()), Some(speed));
            }
        }
        assert_eq!(["fit20", "fast", "", "nan", "--"].map(Speed::parse), [None; 5]);
        assert_eq!(Pace::parse("9e9"), Some(Pace::Times(MAX_SPEED)));
    }

    #[test]
    fn a_day_in_thirty_seconds_is_2_880_times_as_fast_and_backwards_is_negative() {
        let speed = Speed { is_backward: true, ..Speed::default() };
        assert!((speed.of(DAY) + 2_880.0).abs() < 1e-9);
        assert_eq!(speed.next(DAY, true).name(), "-3600");
        assert_eq!(speed.next(DAY, false).name(), "-1200");
    }

    #[test]
    fn thousands_are_told_apart() {
        let told =
            [0.1, 1.0, 12.5, 1_200.0, 2_880.4, 1e6].map(|times| times_told(times).replace('\u{202f}', " "));
        assert_eq!(told, ["0.1×", "1×", "12.5×", "1 200×", "2 880×", "1 000 000×"]);
    }
}
