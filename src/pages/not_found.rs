//! What is shown where there is no page.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;

/// Says so, and leads back.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! {
        <Title text="Not found · Meridian"/>
        <main id="content" class="page not-found">
            <h1>"There is nothing here"</h1>
            <p>"No page of Meridian has this address. " <A href="/">"Go to the live map."</A></p>
        </main>
    }
}
