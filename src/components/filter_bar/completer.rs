//! What the filter box offers while one types: state without a view.

use leptos::html::Input;
use leptos::prelude::*;

use crate::model::filter::completion::{self, Expected, Place};
use crate::model::filter_shelf::FilterShelf;
use crate::model::history::Key;

/// The most filters of before that an empty box offers.
const OFFERED_FILTERS: usize = 6;

/// Which values of a field are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The field by its canonical name.
    pub field: String,
    /// What the values begin with.
    pub prefix: String,
}

/// Where values of fields come from: the page asks for them, the box shows them.
#[derive(Clone, Copy)]
pub struct ValueSource {
    /// Called with what is wanted now.
    pub ask: Callback<Asked>,
    /// The latest answer, and what it answers.
    pub answer: Signal<Option<(Asked, Vec<Key>)>>,
}

/// An entry of the list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub insert: String,
    pub shown: String,
    pub note: String,
    /// True for a whole filter, which is applied at once.
    pub is_whole: bool,
}

/// The state of the box.
#[derive(Clone, Copy)]
pub(super) struct Completer {
    /// What is typed.
    pub draft: RwSignal<String>,
    /// Where the caret is, in characters.
    pub caret: RwSignal<usize>,
    /// True while the list may be shown.
    pub is_open: RwSignal<bool>,
    /// The entry that the arrow keys are on.
    pub active: RwSignal<Option<usize>>,
    /// What is offered.
    pub entries: Memo<Vec<Entry>>,
    place: Memo<Place>,
    input: NodeRef<Input>,
}

impl Completer {
    pub fn new(
        first: String,
        input: NodeRef<Input>,
        shelf: RwSignal<FilterShelf>,
        values: Option<ValueSource>,
    ) -> Self {
        let draft = RwSignal::new(first);
        let caret = RwSignal::new(0);
        let is_open = RwSignal::new(false);
        let active = RwSignal::new(None);
        let place = Memo::new(move |_| draft.with(|draft| completion::place(draft, caret.get())));
        let entries = Memo::new(move |_| {
            if !is_open.get() {
                return Vec::new();
            }
            let mut entries = Vec::new();
            if draft.with(|draft| draft.trim().is_empty()) {
                shelf.with(|shelf| entries.extend(whole_filters(shelf)));
            }
            let place = place.get();
            entries.extend(completion::offers(&place).into_iter().map(|offer| Entry {
                insert: offer.insert,
                shown: offer.shown,
                note: offer.note,
                is_whole: false,
            }));
            if let (Some(asked), Some(values)) = (asked(&place), values) {
                let answer = values.answer.get();
                entries.extend(answer.into_iter().flat_map(|answer| fitting(answer, &asked)));
            }
            // What is written out already needs no offer.
            let is_done = matches!(entries.as_slice(), [only] if only.insert == place.typed);
            if is_done { Vec::new() } else { entries }
        });
        Effect::new(move |_| {
            let wanted = place.with(asked);
            if let (true, Some(asked), Some(values)) = (is_open.get(), wanted, values) {
                values.ask.run(asked);
            }
        });
        Effect::new(move |_| {
            entries.track();
            active.set(None);
        });
        Self { draft, caret, is_open, active, entries, place, input }
    }

    /// Takes over what the box holds, and where its caret is.
    pub fn follow_input(self) {
        let Some(input) = self.input.get_untracked() else { return };
        let text = input.value();
        let units = input.selection_start().ok().flatten().unwrap_or_default();
        let caret = completion::characters_of(&text, usize::try_from(units).unwrap_or(usize::MAX));
        if self.caret.get_untracked() != caret {
            self.caret.set(caret);
        }
        if self.draft.with_untracked(|draft| *draft != text) {
            self.draft.set(text);
        }
    }

    /// Moves among the entries, round and round.
    pub fn step(self, by: isize) {
        let count = self.entries.with_untracked(Vec::len);
        if count == 0 {
            return;
        }
        let next = match (self.active.get_untracked(), by < 0) {
            (None, true) => count - 1,
            (None, false) => 0,
            (Some(active), _) => active.checked_add_signed(by).map_or(count - 1, |next| next % count),
        };
        self.active.set(Some(next));
        if let Some(option) = document().get_element_by_id(&option_id(next)) {
            option.scroll_into_view_with_bool(false);
        }
    }

    /// Writes an entry into the box. True when it is a whole filter.
    pub fn accept(self, entry: &Entry) -> bool {
        let (text, caret) = if entry.is_whole {
            (entry.insert.clone(), entry.insert.chars().count())
        } else {
            let draft = self.draft.get_untracked();
            completion::accept(&draft, &self.place.get_untracked(), &entry.insert)
        };
        if let Some(input) = self.input.get_untracked() {
            input.set_value(&text);
            let units = u32::try_from(completion::units_of(&text, caret)).unwrap_or(u32::MAX);
            // Fails only for fields without a caret.
            drop(input.set_selection_range(units, units));
            let _ = input.focus();
            // A long filter scrolls to its caret only when it is typed.
            input.set_scroll_left(input.scroll_width());
        }
        self.caret.set(caret);
        self.draft.set(text);
        self.is_open.set(!entry.is_whole);
        entry.is_whole
    }

    /// The entry that the arrow keys are on.
    pub fn active_entry(self) -> Option<Entry> {
        let active = self.active.get_untracked()?;
        self.entries.with_untracked(|entries| entries.get(active).cloned())
    }

    /// The entry that the tabulator takes: the active one, or the first that fits what is typed.
    pub fn tab_entry(self) -> Option<Entry> {
        let is_typing = self.place.with_untracked(|place| !place.typed.is_empty());
        self.active_entry()
            .or_else(|| self.entries.with_untracked(|entries| entries.first().cloned()).filter(|_| is_typing))
    }
}

/// The id of an entry in the page.
pub(super) fn option_id(entry: usize) -> String {
    format!("filter-option-{entry}")
}

fn asked(place: &Place) -> Option<Asked> {
    match &place.expected {
        Expected::Value { field, .. } => Some(Asked { field: field.to_string(), prefix: place.typed.clone() }),
        _ => None,
    }
}

/// Of an answer for the same field what still fits; what was asked for last may still be on its way.
fn fitting((answered, keys): (Asked, Vec<Key>), asked: &Asked) -> Vec<Entry> {
    if answered.field != asked.field {
        return Vec::new();
    }
    let typed = asked.prefix.to_lowercase();
    let fits = |text: &str| {
        let text = text.to_lowercase();
        text.starts_with(&typed) || text.split_whitespace().any(|word| word.starts_with(&typed))
    };
    let fitting = keys.into_iter().filter(|key| answered == *asked || fits(&key.value) || fits(&key.label));
    fitting
        .map(|key| Entry {
            insert: completion::value(&key.value),
            shown: key.value,
            note: key.label,
            is_whole: false,
        })
        .collect()
}

fn whole_filters(shelf: &FilterShelf) -> Vec<Entry> {
    let saved = shelf.saved.iter().map(|saved| (saved.filter.clone(), format!("saved as {}", saved.name)));
    let is_saved = |filter: &str| shelf.saved.iter().any(|saved| saved.filter == filter);
    let recent = shelf.recent.iter().filter(|filter| !is_saved(filter));
    let recent = recent.map(|filter| (filter.clone(), "used before".to_owned()));
    let whole = saved.rev().take(OFFERED_FILTERS / 2).chain(recent).take(OFFERED_FILTERS);
    whole.map(|(filter, note)| Entry { insert: filter.clone(), shown: filter, note, is_whole: true }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &str, label: &str) -> Key {
        Key { value: value.to_owned(), label: label.to_owned() }
    }

    fn asked(field: &str, prefix: &str) -> Asked {
        Asked { field: field.to_owned(), prefix: prefix.to_owned() }
    }

    #[test]
    fn an_answer_for_less_of_the_word_is_narrowed_and_one_for_another_field_is_dropped() {
        let answer = (asked("country", ""), vec![key("DE", "Germany"), key("GB", "United Kingdom")]);
        let shown = |wanted| {
            fitting(answer.clone(), &wanted).into_iter().map(|entry| entry.shown).collect::<Vec<_>>()
        };
        assert_eq!(shown(asked("country", "king")), ["GB"]);
        assert_eq!(shown(asked("country", "d")), ["DE"]);
        assert!(shown(asked("city", "")).is_empty());
    }

    #[test]
    fn an_empty_box_offers_saved_filters_and_those_used_before_each_once() {
        let mut shelf = FilterShelf::default();
        shelf.used("port = 53");
        shelf.used("as = 1");
        shelf.save("DNS", "port = 53");
        let notes: Vec<_> = whole_filters(&shelf).into_iter().map(|entry| entry.note).collect();
        assert_eq!(notes, ["saved as DNS", "used before"]);
    }
}
