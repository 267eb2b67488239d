//! Figures and names of a report as its PDF says them: in the words of the page, but counts to the last digit, because
//! nobody can point at paper.

use super::typeface::clean_name;
use crate::components::heatmap::rows::certainty;
use crate::components::report::trend::Trend;
use crate::model::history::{Amount, Key, Metric};
use crate::model::quantity::{bytes, count};
use crate::model::report::Compared;

/// What stands where nothing is known.
pub const UNKNOWN: &str = "–";

/// A figure of an amount: bytes to three digits, all else to the last; `≈` before an estimate.
pub fn figure(amount: &Amount, metric: Metric) -> String {
    let value = amount.of(metric);
    match metric {
        Metric::Addresses if amount.addresses.is_none() => UNKNOWN.to_owned(),
        Metric::Addresses if certainty(amount, metric).starts_with('±') => {
            format!("≈\u{202f}{}", count(value))
        }
        Metric::Bytes => bytes(value),
        Metric::Flows | Metric::Packets | Metric::Addresses => count(value),
    }
}

/// What became of a figure since the period before: `▲ 12 % more`, `▼ gone`, `–`.
pub fn change(amount: &Compared, metric: Metric) -> String {
    let is_known = |amount: &Amount| metric != Metric::Addresses || amount.addresses.is_some();
    let before = amount.before.filter(is_known);
    trend(amount.now.of(metric), before.map(|before| before.of(metric)))
}

/// What became of a figure; `None` when the one before is not known.
pub fn trend(now: u64, before: Option<u64>) -> String {
    let Trend { arrow, words, .. } = Trend::of(now, before);
    if arrow.is_empty() { words } else { format!("{arrow}\u{202f}{words}") }
}

/// What a key is called, and its value where that says more; clean.
pub fn named(key: &Key) -> (String, String) {
    let (label, value) = (clean_name(&key.label), clean_name(&key.value));
    match (label.trim(), value.trim()) {
        ("", "unknown") => ("not known".to_owned(), String::new()),
        ("", "") => (UNKNOWN.to_owned(), String::new()),
        ("", _) => (value, String::new()),
        (name, other) if name.eq_ignore_ascii_case(other) => (label, String::new()),
        _ => (label, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_once_and_never_as_nothing() {
        let told =
            |value: &str, label: &str| named(&Key { value: value.to_owned(), label: label.to_owned() });
        let owned = |name: &str, aside: &str| (name.to_owned(), aside.to_owned());
        assert_eq!(told("ZA", "South Africa"), owned("South Africa", "ZA"));
        assert_eq!(told("tcp", "TCP"), owned("TCP", ""));
        assert_eq!(told("unknown", ""), owned("not known", ""));
        assert_eq!(told("192.0.2.1", "\u{202e}\u{200b}"), owned("192.0.2.1", ""));
        assert_eq!(told("", ""), owned("–", ""));
    }
}
