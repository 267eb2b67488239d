//! What addresses are called, by reverse DNS: some names come with an answer, the others when the resolver has them.

use std::collections::HashMap;
use std::net::IpAddr;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::history::fetch_host_names;
use crate::model::history::Key;

/// Addresses that the server is asked for at once.
const MOST_ASKED: usize = 250;
/// How often it is asked for those that the resolver has not answered yet.
const TRIES: u32 = 3;
/// Names that a page remembers.
const MOST_KEPT: usize = 5_000;

/// The names that a page knows.
#[derive(Clone, Copy)]
pub struct HostNames {
    /// By address; empty for an address without a name.
    names: RwSignal<HashMap<String, String>>,
    /// True when the configuration does not let names be asked for.
    is_off: StoredValue<bool>,
}

impl HostNames {
    /// No names yet.
    pub fn none() -> Self {
        Self { names: RwSignal::new(HashMap::new()), is_off: StoredValue::new(false) }
    }

    /// Remembers names that came with an answer.
    pub fn learn<'a>(self, keys: impl IntoIterator<Item = &'a Key>) {
        let is_new = |key: &&Key| {
            !key.label.is_empty()
                && self.names.with_untracked(|names| names.get(&key.value) != Some(&key.label))
        };
        let new: Vec<Key> = keys.into_iter().filter(is_new).cloned().collect();
        if !new.is_empty() {
            self.keep(new);
        }
    }

    /// Asks for the names of the addresses that are shown, whenever others are.
    pub fn follow(self, shown: impl Fn() -> Vec<String> + 'static) {
        Effect::new(move |_| {
            let addresses = shown();
            if !self.is_off.get_value() {
                spawn_local(self.ask(addresses));
            }
        });
    }

    async fn ask(self, addresses: Vec<String>) {
        for _ in 0..TRIES {
            let missing = self.names.try_with_untracked(|names| {
                let missing = addresses.iter().filter(|address| !names.contains_key(*address));
                missing
                    .filter_map(|address| address.parse::<IpAddr>().ok())
                    .take(MOST_ASKED)
                    .collect::<Vec<_>>()
            });
            let Some(missing) = missing.filter(|missing| !missing.is_empty()) else { return };
            match fetch_host_names(missing).await {
                Ok(Some(found)) => self.keep(found),
                Ok(None) => {
                    self.is_off.try_update_value(|is_off| *is_off = true);
                    return;
                }
                // Addresses are shown without names then.
                Err(_) => return,
            }
        }
    }

    fn keep(self, found: Vec<Key>) {
        self.names.try_update(|names| {
            if names.len() > MOST_KEPT {
                names.clear();
            }
            names.extend(found.into_iter().map(|key| (key.value, key.label)));
        });
    }

    /// What an address is called; empty while that is not known.
    pub fn of(self, address: &str) -> String {
        self.names.with(|names| names.get(address).cloned().unwrap_or_default())
    }

    /// What an address is called, beside it.
    pub fn shown(self, address: &str) -> AnyView {
        let address = address.to_owned();
        view! { " " <span class="host-name">{move || self.of(&address)}</span> }.into_any()
    }
}
