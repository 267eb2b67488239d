//! Links from a report into the pages that look closer at the same range and filter.

use leptos_router::params::ParamsMap;

use crate::components::replay_link::replay_href;
use crate::model::filter::{End, Field};
use crate::model::filter_terms::with_term;
use crate::model::history::Dimension;
use crate::model::report::{ReportQuestion, Section};
use crate::model::time_words::TimeWords;

/// A page with the range and the filter of a report; a term is added to the filter, and may be empty.
pub fn href(page: &str, question: &ReportQuestion, term: &str) -> String {
    let words = TimeWords::of(question.range);
    let filter = filter(question, term);
    if page == "/replay" {
        return replay_href(&words, &filter, "");
    }
    let mut query = ParamsMap::new();
    query.insert("from", words.from);
    query.insert("to", words.to);
    if !filter.is_empty() {
        query.insert("filter", filter);
    }
    query.insert("metric", "bytes".to_owned());
    format!("{page}{}", query.to_query_string())
}

/// The explorer with what a row of a list is of; `None` where no filter names it.
pub fn row_href(question: &ReportQuestion, section: Section, value: &str) -> Option<String> {
    let field = match section {
        Section::Countries => Field::Country(End::Outside),
        Section::Cities => Field::City(End::Outside),
        Section::Systems => Field::AsNumber(End::Outside),
        Section::Services => Field::Service,
        Section::Protocols => Field::Protocol,
        Section::HomeHosts => Field::Address(End::Home),
        Section::OutsideHosts => Field::Address(End::Outside),
        Section::Exporters => Field::Exporter,
        Section::Days | Section::Hours | Section::Map | Section::New => return None,
    };
    Dimension::Field(field).term(value).map(|term| href("/explore", question, &term))
}

fn filter(question: &ReportQuestion, term: &str) -> String {
    if term.is_empty() { question.filter.clone() } else { with_term(&question.filter, term) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::report::sample;

    #[test]
    fn a_row_leads_to_its_flows_of_the_same_range() {
        let mut question = sample::report().question;
        question.filter = "port = 53 or port = 443".to_owned();
        let link = row_href(&question, Section::Countries, "DE").unwrap();
        assert!(link.starts_with("/explore?from=2026"), "{link}");
        assert!(
            link.contains("%28port%20%3D%2053%20or%20port%20%3D%20443%29%20and%20outside%2Ecountry"),
            "{link}"
        );
        assert_eq!(row_href(&question, Section::Map, "DE"), None);
        assert!(row_href(&question, Section::Systems, "\"<script>").is_none_or(|link| !link.contains('<')));
    }
}
