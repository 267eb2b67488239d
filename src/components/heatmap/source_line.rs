//! What an answer was made of, in a line: tiers, time, and what is missing.

use leptos::prelude::*;

use crate::model::history::{Source, Tier};
use crate::model::quantity;

/// The line.
#[component]
pub fn SourceLine(source: Signal<Source>) -> impl IntoView {
    let is_whole = move || source.with(|source| source.is_complete);
    let fault = move || source.with(incomplete);
    view! {
        <p class="source-line" class:source-line--incomplete=move || !is_whole()>
            <span class="source-line__fault" role="status">{fault}</span>
            " "
            <span>{move || source.with(made_of)}</span>
        </p>
    }
    .into_any()
}

fn made_of(source: &Source) -> String {
    let took = quantity::duration(source.took_ms);
    let from = match source.tiers.as_slice() {
        [] => "Nothing stored".to_owned(),
        tiers => format!("From {}", Tier::list(tiers)),
    };
    let gaps = source.gaps_told();
    let note = if source.is_complete && !source.note.is_empty() {
        format!(" · {}", source.note)
    } else {
        String::new()
    };
    format!("{from} in {took}{gaps}{note}")
}

fn incomplete(source: &Source) -> String {
    match (source.is_complete, source.note.as_str()) {
        (true, _) => String::new(),
        (false, "") => "Not complete: the figures are too low.".to_owned(),
        (false, note) => format!("Not complete, the figures are too low: {note}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time_range::TimeRange;

    #[test]
    fn a_reader_sees_what_an_answer_was_made_of_and_what_is_missing() {
        let range = TimeRange { from_ms: 0, to_ms: 1 };
        let mut source = Source {
            tiers: vec![Tier::Archive, Tier::Minute, Tier::Hour],
            range,
            is_complete: true,
            note: String::new(),
            gaps: vec![range],
            took_ms: 12,
        };
        let told = made_of(&source).replace('\u{202f}', " ");
        assert_eq!(
            told,
            "From flow records, minute sums and hour sums in 12 ms · nothing was collected in 1 stretch of it"
        );
        assert_eq!(incomplete(&source), "");
        source.is_complete = false;
        source.note = "flow records before Monday are gone".to_owned();
        assert!(incomplete(&source).contains("too low: flow records before Monday"));
    }
}
