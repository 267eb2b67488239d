//! Section `[history]`: what is kept, for how long, and up to which size.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{self, Deserializer};

/// Letters of sizes, each 1024 times the one before.
const UNITS: [&str; 5] = ["", "K", "M", "G", "T"];

/// A number of bytes, written like `20G`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || {
            format!(
                "\"{text}\" is no size: write a whole number with K, M, G or T, such as \"500M\" or \"20G\""
            )
        };
        let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let letter = text.get(number.len()..).unwrap_or_default().to_ascii_uppercase();
        let power = UNITS.iter().position(|unit| *unit == letter).ok_or_else(wanted)?;
        let factor = 1024_u64.pow(u32::try_from(power).unwrap_or(0));
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        bytes.map(Self).ok_or_else(wanted)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (mut number, mut power) = (self.0, 0);
        while number >= 1024 && number.is_multiple_of(1024) && power + 1 < UNITS.len() {
            number /= 1024;
            power += 1;
        }
        write!(f, "{number}{}", UNITS.get(power).copied().unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Section `[history]` of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Whether anything is kept. Default `true`. Variable `MERIDIAN_NO_HISTORY` turns it off.
    pub enabled: Option<bool>,
    /// Days that flow records are kept, at least 1. Default 35, so that the report of a month still has all of them.
    pub archive_keep_days: Option<NonZeroU32>,
    /// Size up to which flow records are kept, such as `"20G"`; the oldest go first. Default `"20G"`.
    pub archive_keep_bytes: Option<Size>,
    /// Days that sums by minute are kept. Default 7.
    pub minutes_keep_days: Option<NonZeroU32>,
    /// Days that sums by hour are kept. Default 400.
    pub hours_keep_days: Option<NonZeroU32>,
    /// Days that sums by day are kept. Default: for good.
    pub days_keep_days: Option<NonZeroU32>,
    /// Free space that is left to the disk, such as `"1G"`: with less, nothing more is stored. Default `"1G"`.
    pub min_free_bytes: Option<Size>,
}

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistorySettings {
    /// Whether anything is.
    pub is_enabled: bool,
    /// Days that flow records are kept.
    pub archive_keep_days: u32,
    /// Bytes up to which flow records are kept.
    pub archive_keep_bytes: u64,
    /// Days that sums by minute are kept.
    pub minutes_keep_days: u32,
    /// Days that sums by hour are kept.
    pub hours_keep_days: u32,
    /// Days that sums by day are kept; `None` for good.
    pub days_keep_days: Option<u32>,
    /// Bytes of the disk that are left free.
    pub min_free_bytes: u64,
}

impl Default for HistorySettings {
    fn default() -> Self {
        Self::new(&Section::default(), false)
    }
}

impl HistorySettings {
    /// What the file says, unless a flag says that nothing is kept.
    pub fn new(section: &Section, is_off: bool) -> Self {
        let days = |days: Option<NonZeroU32>, default| days.map_or(default, NonZeroU32::get);
        let bytes = |size: Option<Size>, default_gib: u64| size.map_or(default_gib << 30, |size| size.0);
        Self {
            is_enabled: !is_off && section.enabled.unwrap_or(true),
            archive_keep_days: days(section.archive_keep_days, 35),
            archive_keep_bytes: bytes(section.archive_keep_bytes, 20),
            minutes_keep_days: days(section.minutes_keep_days, 7),
            hours_keep_days: days(section.hours_keep_days, 400),
            days_keep_days: section.days_keep_days.map(NonZeroU32::get),
            min_free_bytes: bytes(section.min_free_bytes, 1),
        }
    }

    /// For people, a line each: what it is and how long it is kept.
    pub fn summary(&self) -> Vec<(&'static str, String)> {
        if !self.is_enabled {
            return vec![("history", "off: nothing is kept".to_owned())];
        }
        let days = |days: u32| format!("{days} day{}", if days == 1 { "" } else { "s" });
        vec![
            (
                "flow records kept",
                format!("{}, up to {}", days(self.archive_keep_days), Size(self.archive_keep_bytes)),
            ),
            ("sums by minute", days(self.minutes_keep_days)),
            ("sums by hour", days(self.hours_keep_days)),
            ("sums by day", self.days_keep_days.map_or("for good".to_owned(), days)),
            ("left free", format!("{} of the disk", Size(self.min_free_bytes))),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_in_powers_of_1024_and_written_as_it_was() {
        for (text, bytes) in [("0", 0), ("640", 640), ("3K", 3 << 10), ("500M", 500 << 20), ("20G", 20 << 30)]
        {
            assert_eq!(text.parse(), Ok(Size(bytes)));
            assert_eq!(Size(bytes).to_string(), text);
        }
        assert_eq!("2t".parse(), Ok(Size(2 << 40)));
        assert_eq!(Size(u64::MAX).to_string(), u64::MAX.to_string());
    }

    #[test]
    fn what_is_no_size_says_what_to_write() {
        for text in ["", "G", "1.5G", "-1G", "20GB", "20 G", "99999999999T", "20Gib", "2Ä"] {
            let message = text.parse::<Size>().unwrap_err();
            assert!(message.contains(text) && message.contains("\"20G\""), "{message}");
        }
    }

    #[test]
    fn the_defaults_keep_more_than_the_longest_month_of_records_and_the_days_for_good() {
        let settings = HistorySettings::default();
        assert!(settings.is_enabled);
        assert_eq!((settings.archive_keep_days, settings.archive_keep_bytes), (35, 20 << 30));
        let lines = settings.summary();
        assert_eq!(lines[0], ("flow records kept", "35 days, up to 20G".to_owned()));
        assert_eq!(lines[3], ("sums by day", "for good".to_owned()));
        assert_eq!(HistorySettings::new(&Section::default(), true).summary().len(), 1);
    }
}
