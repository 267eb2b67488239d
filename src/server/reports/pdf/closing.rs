//! What a reader has to know of a report, and what its words mean.

use krilla::tagging::{ListNumbering, Tag};

use super::composer::{BODY, Composer, Style};
use super::typeface::{Weight, clean};
use crate::components::report::trust::MEANINGS;
use crate::model::history::Tier;
use crate::model::report::Report;

/// Composes notes and meanings.
pub fn compose(composer: &mut Composer, report: &Report) {
    composer.within(Tag::Section, |composer| notes(composer, report));
    composer.within(Tag::Section, meanings);
}

fn notes(composer: &mut Composer, report: &Report) {
    let source = &report.source;
    let mut notes = Vec::new();
    if !source.is_complete && !source.note.is_empty() {
        notes.push(source.note.clone());
    }
    notes.extend(report.notes.iter().cloned());
    if !source.tiers.is_empty() {
        notes.push(format!("Made of {}.", Tier::list(&source.tiers)));
    }
    if notes.is_empty() {
        return;
    }
    composer.heading("Notes on this report", 2.0 * BODY.leading);
    composer.within(Tag::L(ListNumbering::Disc), |composer| {
        for note in &notes {
            composer.within(Tag::LI, |composer| {
                composer
                    .within(Tag::LBody, |composer| composer.paragraph(BODY, &clean(&format!("• {note}"))));
            });
            composer.y += 2.0;
        }
    });
}

fn meanings(composer: &mut Composer) {
    composer.heading("How to read this", 3.0 * BODY.leading);
    let bold = Style { weight: Weight::SemiBold, size: 8.5, leading: 12.5, ..BODY };
    for (word, sentence) in MEANINGS {
        composer.make_room(bold.leading * 2.0);
        composer.paragraph(bold, word);
        composer.paragraph(Style { weight: Weight::Regular, ..bold }, &clean(sentence));
        composer.y += 4.0;
    }
}
