//! What is wrong or not set, on every page, with what to do about it.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_location;

use crate::model::place::Precision;
use crate::model::quantity;
use crate::model::status::Status;

/// Notices about flows counted twice at a time.
const MAX_DOUBLE_COUNTING: usize = 3;

/// One notice.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Notice {
    /// What it is about; a notice put away stays away as long as this stays.
    key: String,
    text: String,
    /// True when it ends with a link to the settings.
    is_about_settings: bool,
    /// Lines for the configuration, empty when there are none.
    to_copy: String,
}

impl Notice {
    fn new(text: String) -> Self {
        Self { key: text.clone(), text, is_about_settings: false, to_copy: String::new() }
    }
}

/// The notices that a status calls for.
fn notices(status: &Status, path: &str) -> Vec<Notice> {
    let mut notices: Vec<_> =
        status.geolocation.problems.iter().map(|problem| Notice::new(problem.clone())).collect();
    if !status.geolocation.has_places() && notices.is_empty() {
        notices.push(Notice::new(
            "No geolocation database is in use: only home networks are on the map. `make setup-geolocation` fetches \
             free ones, or name your own in meridian.toml."
                .to_owned(),
        ));
    }
    notices.extend(status.notices.iter().cloned().map(Notice::new));
    let home_is_unset =
        status.home_networks.iter().any(|network| network.place.precision == Precision::HomeUnset);
    // The live page asks on the map, the settings page has the form.
    if home_is_unset && status.home_can_be_set && path == "/exporters" {
        notices.push(Notice {
            is_about_settings: true,
            ..Notice::new(
                "Where is home? Flows of your own networks are drawn from a neutral marker.".to_owned(),
            )
        });
    }
    let dropped: u64 = status.listeners.iter().map(|listener| listener.kernel_drops).sum();
    if dropped > 0 {
        notices.push(Notice {
            key: "kernel drops".to_owned(),
            ..Notice::new(format!(
                "The kernel dropped {} datagrams because a receive buffer was full: raise net.core.rmem_max.",
                quantity::count(dropped)
            ))
        });
    }
    if status.live_dropped > 0 {
        notices.push(Notice {
            key: "live drops".to_owned(),
            ..Notice::new(format!(
                "The live feed left out {} flow records because its queue was full.",
                quantity::count(status.live_dropped)
            ))
        });
    }
    notices.extend(status.double_counting.iter().take(MAX_DOUBLE_COUNTING).map(|doubled| Notice {
        // The share changes all the time, what it is about does not.
        key: format!("double counting {:?} {:?}", doubled.rule, doubled.ends()),
        to_copy: doubled.rule.clone().unwrap_or_default(),
        ..Notice::new(doubled.sentence())
    }));
    if let Some(limit) = status.admission.flow_records_per_second
        && status.admission.rate_limited_records > 0
    {
        notices.push(Notice {
            key: "rate limit".to_owned(),
            ..Notice::new(format!(
                "{} flow records were left out because their exporter sent more than {} in a second: \
                 admission.flow_records_per_second in meridian.toml.",
                quantity::count(status.admission.rate_limited_records),
                quantity::count(u64::from(limit))
            ))
        });
    }
    if status.version != env!("CARGO_PKG_VERSION") {
        notices
            .push(Notice::new(format!("Meridian is now version {}: load this page anew.", status.version)));
    }
    notices
}

/// The notices, each with a button to put it away until the page is loaded anew.
#[component]
pub fn Notices(
    /// The latest status.
    status: Signal<Option<Status>>,
) -> impl IntoView {
    let path = use_location().pathname;
    let put_away = RwSignal::new(Vec::<String>::new());
    let shown = Memo::new(move |_| {
        let mut shown = status
            .with(|status| status.as_ref().map(|status| notices(status, &path.get())).unwrap_or_default());
        put_away.with(|put_away| shown.retain(|notice| !put_away.contains(&notice.key)));
        shown
    });
    view! {
        <section class="notices" aria-label="Notices">
            <For each=move || shown.get() key=|notice| (notice.key.clone(), notice.text.clone()) let:notice>
                <div class="notice">
                    <span class="notice__sign" aria-hidden="true">"!"</span>
                    <div class="notice__text">
                        <p>
                            {notice.text}
                            {notice
                                .is_about_settings
                                .then(|| view! { " " <A href="/settings">"Set it in the settings."</A> })}
                        </p>
                        {(!notice.to_copy.is_empty())
                            .then(|| view! { <pre class="notice__lines"><code>{notice.to_copy}</code></pre> })}
                    </div>
                    <button
                        type="button"
                        class="notice__close"
                        aria-label="Put this notice away"
                        on:click={
                            let key = notice.key.clone();
                            move |_| put_away.update(|put_away| put_away.push(key.clone()))
                        }
                    >
                        "×"
                    </button>
                </div>
            </For>
        </section>
    }
    .into_any()
}
