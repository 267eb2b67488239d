//! What a report looks like: its figures as drawings, and the views of its sections.
//!
//! The figures and the wording are pure and shared with the PDF. The views are plain HTML: they work without WASM, and print.

pub mod figures;
mod heading;
mod links;
mod over_time;
mod parts;
mod picture;
mod tops;
pub mod trend;
pub mod trust;
pub mod wording;

use leptos::prelude::*;

use crate::model::report::{Report, Section};

/// The whole of a report. Where its logo is stands in `logo`; empty for none.
pub fn report_view(report: &Report, logo: &str) -> AnyView {
    let sections = report.question.sections.clone();
    let parts = Section::ALL
        .into_iter()
        .filter(|section| sections.contains(section))
        .map(|section| part(report, section));
    view! {
        <article class="report" lang="en">
            {heading::heading(report, logo)}
            {heading::overview(report)}
            {parts.collect_view()}
            {trust::notes(report)}
            {trust::meaning(&report.question)}
        </article>
    }
    .into_any()
}

fn part(report: &Report, section: Section) -> AnyView {
    match section {
        Section::Days => over_time::days(report).into_any(),
        Section::Hours => over_time::hours(report).into_any(),
        Section::Map => over_time::map(report).into_any(),
        Section::New => tops::newcomers(report).into_any(),
        Section::Exporters => trust::exporters(report).into_any(),
        Section::Countries
        | Section::Cities
        | Section::Systems
        | Section::Services
        | Section::Protocols
        | Section::HomeHosts
        | Section::OutsideHosts => {
            let list = report.tops.iter().find(|top| top.section == section);
            list.map(|list| tops::top(list, report)).into_any()
        }
    }
}

#[cfg(test)]
pub(crate) mod sample;
