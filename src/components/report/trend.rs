//! What became of a figure since the period before: an arrow and words, for those who see no colours.

use leptos::prelude::*;

use crate::components::heatmap::scale::Change;

/// A change in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trend {
    /// `▲`, `▼`, `=`; empty when it is not known.
    pub arrow: &'static str,
    /// `12 % more`, `half`, `new`, `–`.
    pub words: String,
    /// Which way, for the colour.
    way: &'static str,
}

impl Trend {
    /// From a figure to this one; `None` when the one before is not known.
    pub fn of(now: u64, before: Option<u64>) -> Self {
        let told = |arrow, words: String, way| Self { arrow, words, way };
        let Some(before) = before else { return told("", "–".to_owned(), "unknown") };
        let Some(Change { factor }) = Change::of(before, now) else {
            return told("=", "none in both".to_owned(), "same");
        };
        let percent = (factor - 1.0) * 100.0;
        if factor.is_infinite() {
            told("▲", "new".to_owned(), "more")
        } else if now == 0 {
            told("▼", "gone".to_owned(), "less")
        } else if factor >= 3.0 {
            let times = Change { factor }.times();
            told("▲", format!("{} times", times.trim_end_matches('×').trim_end_matches(".0")), "more")
        } else if percent >= 0.5 {
            told("▲", format!("{percent:.0}\u{202f}% more"), "more")
        } else if percent <= -99.5 {
            told("▼", "over 99\u{202f}% less".to_owned(), "less")
        } else if percent <= -0.5 {
            told("▼", format!("{:.0}\u{202f}% less", percent.abs()), "less")
        } else {
            told("=", "as before".to_owned(), "same")
        }
    }

    /// The words with their arrow.
    pub fn view(self) -> impl IntoView {
        let Self { arrow, words, way } = self;
        view! {
            <span class=format!("trend trend--{way}")>
                {(!arrow.is_empty()).then(|| view! { <span class="trend__arrow" aria-hidden="true">{arrow}</span> " " })}
                {words}
            </span>
        }
        .into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_is_new_and_what_is_not_known_is_a_dash() {
        let told = |now, before| {
            let trend = Trend::of(now, before);
            format!("{} {}", trend.arrow, trend.words.replace('\u{202f}', " "))
        };
        assert_eq!(told(5, None), " –");
        assert_eq!(told(5, Some(0)), "▲ new");
        assert_eq!(told(0, Some(0)), "= none in both");
        assert_eq!(told(0, Some(7)), "▼ gone");
        assert_eq!(told(112, Some(100)), "▲ 12 % more");
        assert_eq!(told(50, Some(100)), "▼ 50 % less");
        assert_eq!(told(1, Some(1_000_000)), "▼ over 99 % less");
        assert_eq!(told(300, Some(100)), "▲ 3 times");
        assert_eq!(told(1_000_000, Some(1_000_001)), "= as before");
    }
}
