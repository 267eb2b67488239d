//! A bar as long as a share. Drawn in SVG, because the content security policy forbids inline styles.

use leptos::prelude::*;

/// The bar; its figures stand beside it, so it says nothing to a screen reader.
#[component]
pub fn ShareBar(
    /// Parts per thousand, 0 to 1000.
    #[prop(into)]
    share: Signal<u16>,
    /// Colour of the arcs it belongs to, 0 to 7; the accent colour by default.
    #[prop(optional, into)]
    colour: Option<u8>,
) -> impl IntoView {
    let class =
        colour.map_or_else(|| "share-bar".to_owned(), |colour| format!("share-bar share-bar--{colour}"));
    view! {
        <svg class=class viewBox="0 0 1000 4" preserveAspectRatio="none" aria-hidden="true">
            <rect class="share-bar__track" width="1000" height="4"></rect>
            <rect class="share-bar__fill" width=move || share.get() height="4"></rect>
        </svg>
    }
}
