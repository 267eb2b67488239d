//! What is wrong or not set, on every page, with what to do about it.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_location;

use super::copyable::Copyable;
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
                "The kernel dropped {} because a receive buffer was full: raise net.core.rmem_max.",
                quantity::counted(dropped, "datagram")
            ))
        });
    }
    if status.live_dropped > 0 {
        notices.push(Notice {
            key: "live drops".to_owned(),
            ..Notice::new(format!(
                "The live feed left out {} because its queue was full.",
                quantity::counted(status.live_dropped, "flow record")
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
                "Left out: {}, because their exporter sent more than {} in a second: \
                 admission.flow_records_per_second in meridian.toml.",
                quantity::counted(status.admission.rate_limited_records, "flow record"),
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
///
/// One is in sight, the others behind a line that counts them: the page stays on the screen.
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
    let keys = move |from: usize, to: usize| {
        Memo::new(move |_| {
            shown.with(|shown| {
                let some = shown.iter().take(to).skip(from);
                some.map(|notice| notice.key.clone()).collect::<Vec<_>>()
            })
        })
    };
    let (first, others) = (keys(0, 1), keys(1, usize::MAX));
    let has_others = Memo::new(move |_| !others.with(Vec::is_empty));
    let number = move || match others.with(Vec::len) {
        1 => "1 more notice".to_owned(),
        number => format!("{number} more notices"),
    };
    let list = move |keys: Memo<Vec<String>>| {
        view! {
            <For each=move || keys.get() key=|key| key.clone() let:key>
                <NoticeView key shown put_away/>
            </For>
        }
    };
    view! {
        <section class="notices" aria-label="Notices">
            {list(first)}
            <Show when=move || has_others.get()>
                <details class="notices__others">
                    <summary>{number}</summary>
                    {list(others)}
                </details>
            </Show>
        </section>
    }
    .into_any()
}

/// One notice. Its figures change in place, so that an opened rule stays open.
#[component]
fn NoticeView(key: String, shown: Memo<Vec<Notice>>, put_away: RwSignal<Vec<String>>) -> impl IntoView {
    let own = key.clone();
    let notice =
        Memo::new(move |_| shown.with(|shown| shown.iter().find(|notice| notice.key == own).cloned()));
    let text = move || notice.with(|notice| notice.as_ref().map(|notice| notice.text.clone()));
    let to_copy = Memo::new(move |_| {
        notice.with(|notice| notice.as_ref().map(|notice| notice.to_copy.clone()).unwrap_or_default())
    });
    let is_about_settings =
        notice.with_untracked(|notice| notice.as_ref().is_some_and(|notice| notice.is_about_settings));
    view! {
        <div class="notice">
            <span class="notice__sign" aria-hidden="true">"!"</span>
            <div class="notice__text">
                <p>
                    {text}
                    {is_about_settings.then(|| view! { " " <A href="/settings">"Set it in the settings."</A> })}
                </p>
                <Show when=move || !to_copy.with(String::is_empty)>
                    <details class="notice__lines">
                        <summary>"Lines for meridian.toml"</summary>
                        <Copyable text=to_copy/>
                    </details>
                </Show>
            </div>
            <button
                type="button"
                class="notice__close"
                aria-label="Put this notice away"
                on:click=move |_| put_away.update(|put_away| put_away.push(key.clone()))
            >
                "×"
            </button>
        </div>
    }
}
