//! Links that take an answer elsewhere: the same question to the stable API, as a file.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use super::asking::Asked;
use super::question::Question;
use super::view::{View, Ways};
use crate::components::replay_link::replay_href;
use crate::model::history::Dimension;
use crate::pages::api_link::{self, flow_files, link};

/// The links of an answer.
pub fn exports(asked: &Asked) -> AnyView {
    let links: Vec<AnyView> = match &asked.question {
        Question::Series { above, below, .. } => {
            let names = if below.is_some() { ["Inbound ", "Outbound "] } else { ["", ""] };
            let questions = std::iter::once(above).chain(below);
            let links = questions.zip(names).flat_map(|(question, name)| {
                let url = |format: &str| {
                    let mut query = api_link::query(question.range, &question.filter, format);
                    grouped(&mut query, &question.dimensions);
                    query.insert("metric", question.metric.name().to_owned());
                    query.insert("lines", question.lines.to_string());
                    query.insert("points", question.points.to_string());
                    if let Some(of) = question.lines_of.as_ref() {
                        query.insert("lines_filter", of.filter.clone());
                    }
                    format!("/api/v1/series{}", query.to_query_string())
                };
                [link(url("csv"), format!("{name}CSV")), link(url("json"), format!("{name}JSON"))]
            });
            links.collect()
        }
        Question::Top(question) => {
            let url = |format: &str| {
                let mut query = api_link::query(question.range, &question.filter, format);
                grouped(&mut query, &question.dimensions);
                query.insert("metric", question.metric.name().to_owned());
                query.insert("rows", question.rows.to_string());
                query.insert("addresses", question.addresses.to_string());
                format!("/api/v1/top{}", query.to_query_string())
            };
            vec![link(url("csv"), "CSV".to_owned()), link(url("json"), "JSON".to_owned())]
        }
        Question::Flows(_) => Vec::new(),
    };
    let files = flow_files(asked.range, &flow_filter(asked));
    view! {
        <p class="explore__exports">
            <a href=replay_href(&asked.words, &flow_filter(asked), "")>"Replay these flows"</a> " · "
            {(!links.is_empty()).then(|| view! { "Download these figures: " {links} " · " })}
            "Flow records: "
            {files}
            "or on the server "
            <code>"meridian flows"</code>
        </p>
    }
    .into_any()
}

/// The filter of the flow records behind an answer.
pub(super) fn flow_filter(asked: &Asked) -> String {
    let records = View { chart: super::view::Chart::Flows, ..asked.view.clone() };
    match Question::of(&records, asked.range, &asked.filter) {
        Question::Flows(question) if asked.view.ways != Ways::Mirrored => question.filter,
        _ => asked.filter.clone(),
    }
}

fn grouped(query: &mut ParamsMap, dimensions: &[Dimension]) {
    if !dimensions.is_empty() {
        query.insert("by", View::by_text(dimensions));
    }
}
