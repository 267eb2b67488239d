//! The way back from the live page: the last minutes again, like on a video recorder.

use leptos::html::Details;
use leptos::prelude::*;

use super::disclosure::close_when_left;

/// How far back, in minutes.
const MINUTES: [u32; 3] = [1, 5, 15];

/// The menu.
#[component]
pub fn Rewind(
    /// Where so many minutes lead.
    href: Callback<u32, String>,
) -> impl IntoView {
    let details = NodeRef::<Details>::new();
    close_when_left(details);
    let choice = |minutes: u32| {
        let name = if minutes == 1 { "Last minute".to_owned() } else { format!("Last {minutes} minutes") };
        view! {
            <li>
                <a class="rewind__choice" href=move || href.run(minutes)>{name}</a>
            </li>
        }
    };
    view! {
        <details class="rewind" node_ref=details>
            <summary class="rewind__button" title="See the last minutes again, with the same filter">
                <svg viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">
                    <path fill="currentColor" d="M12 4v16L2 12zM22 4v16L12 12z"></path>
                </svg>
                <span class="rewind__name">"Rewind"</span>
            </summary>
            <ul class="rewind__choices">{MINUTES.map(choice).collect_view()}</ul>
        </details>
    }
    .into_any()
}
