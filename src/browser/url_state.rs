//! The query of the page's address: what a link keeps.
//!
//! On the server it is the request's; in the browser the router's, so that back and forward change it like a click.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate, use_query_map};
use leptos_router::params::ParamsMap;

/// The address of this page, to read and to change. What is empty is left out of it.
#[derive(Clone, Copy)]
pub struct UrlState {
    query: Memo<ParamsMap>,
    path: Memo<String>,
    go: Callback<(String, bool)>,
}

impl UrlState {
    /// The address of the page that calls this while it is made.
    pub fn here() -> Self {
        let navigate = use_navigate();
        let go = Callback::new(move |(url, replace): (String, bool)| {
            navigate(&url, NavigateOptions { replace, scroll: false, ..NavigateOptions::default() });
        });
        Self { query: use_query_map(), path: use_location().pathname, go }
    }

    /// A parameter, followed; `None` when it is missing or empty.
    pub fn read(self, name: &str) -> Option<String> {
        self.query.with(|query| query.get(name)).filter(|value| !value.is_empty())
    }

    /// A parameter as it is now.
    pub fn read_untracked(self, name: &str) -> Option<String> {
        self.query.with_untracked(|query| query.get(name)).filter(|value| !value.is_empty())
    }

    /// The address with these parameters changed, for links; an empty value takes the parameter away.
    pub fn url(self, changes: &[(&str, &str)]) -> String {
        changed(&self.path.get(), self.query.get(), changes)
    }

    /// Goes to the address with these parameters changed: a step that "back" takes back.
    pub fn push(self, changes: &[(&str, &str)]) {
        self.change(changes, false);
    }

    /// Changes the address without a step in the history.
    pub fn replace(self, changes: &[(&str, &str)]) {
        self.change(changes, true);
    }

    /// The parameters besides these, for the hidden fields of a form that works without WASM.
    pub fn others(self, names: &'static [&'static str]) -> Signal<Vec<(String, String)>> {
        Signal::derive(move || {
            self.query.with(|query| {
                let others = query.latest_values().filter(|(name, _)| !names.contains(&name.as_ref()));
                others.map(|(name, value)| (name.to_string(), value.to_owned())).collect()
            })
        })
    }

    fn change(self, changes: &[(&str, &str)], replace: bool) {
        let (path, query) = (self.path.get_untracked(), self.query.get_untracked());
        let url = changed(&path, query.clone(), changes);
        if url != changed(&path, query, &[]) {
            self.go.run((url, replace));
        }
    }
}

fn changed(path: &str, mut query: ParamsMap, changes: &[(&str, &str)]) -> String {
    for (name, value) in changes {
        query.remove(name);
        if !value.is_empty() {
            query.insert((*name).to_owned(), (*value).to_owned());
        }
    }
    format!("{path}{}", query.to_query_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_keeps_the_other_parameters_and_an_empty_value_takes_one_away() {
        let mut query = ParamsMap::new();
        query.insert("filter", "port = 53".to_owned());
        query.insert("from", "-6h".to_owned());
        assert_eq!(changed("/heatmap", query.clone(), &[("from", "")]), "/heatmap?filter=port%20%3D%2053");
        assert_eq!(
            changed("/heatmap", query, &[("from", "-1h"), ("to", "now")]),
            "/heatmap?filter=port%20%3D%2053&from=%2D1h&to=now"
        );
        assert_eq!(changed("/heatmap", ParamsMap::new(), &[]), "/heatmap");
    }
}
