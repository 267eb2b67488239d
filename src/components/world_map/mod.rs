//! The world map: a still picture that is there at once, and a living map above it as soon as the browser can.
//!
//! The page owns everything the map shows and hears of everything people do on it; arcs go in through a
//! [`MapFeed`]. Without WebGL2 the still picture stays and a notice says so. The map takes arrow keys, `+`, `−`,
//! `0`, `g` and Enter when it has the focus, and says which country is in its middle; lists of the same figures
//! are the page's to show. Borders are drawn as they are held in fact (Natural Earth's policy).

pub mod base_map;
pub mod camera;
mod card;
mod controls;
pub mod feed;
mod handle;
pub mod labels;
pub mod mesh;
pub mod paint;
pub mod projection;
pub mod still;

use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use send_wrapper::SendWrapper;

pub use self::camera::MapView;
pub use self::card::CardLine;
use self::card::HoverCard;
use self::controls::{MapControls, Order};
pub use self::feed::{MapArc, MapFeed};
pub use self::handle::MapHandle;
use self::paint::Paint;
pub use self::projection::Projection;
pub use self::still::{STILL_SVG_PATH, still_svg};
use self::still::{WorldMapSvg, still_position};
use crate::browser::map_renderer::MapRenderer;
use crate::model::countries::country;
use crate::model::place::{City, CountryCode, HomeNetwork, Place};

/// Where the browser fetches the base map.
pub const BASE_MAP_PATH: &str = "/base_map.bin";
/// What the map is called, and how to use it without a pointer.
const INSTRUCTIONS: &str = "World map of traffic. Arrow keys move it, plus and minus zoom, 0 shows the whole \
                            world, G changes between flat map and globe, Enter selects the country in the middle.";

/// Something on the map that people can point at.
#[derive(Clone, Debug, PartialEq)]
pub enum MapTarget {
    /// A country.
    Country(CountryCode),
    /// A city of those that the page gave.
    City(Place),
    /// A home network, by its name.
    Home(String),
}

/// What happened on the map.
#[derive(Clone, Debug, PartialEq)]
pub enum MapEvent {
    /// The land is drawn.
    Ready,
    /// The map cannot be shown, or not any more.
    Failed(MapFault),
    /// The camera came to rest.
    View(MapView),
    /// The pointer is on something else.
    Hover(Option<MapTarget>),
    /// Something was clicked, tapped, or chosen with Enter.
    Select(MapTarget),
    /// Somebody uses the keyboard; this is in the middle.
    Keyboard(Option<CountryCode>),
    /// Somebody uses a pointer.
    Pointer,
}

/// Why there is only the still picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapFault {
    /// The browser offers no WebGL2.
    NoWebGl2,
    /// The browser took WebGL2 away; it may come back.
    ContextLost,
    /// The graphics driver refuses to draw the map.
    Driver,
    /// The base map could not be fetched or read.
    BaseMap,
    /// The page is not complete.
    Elements,
}

impl MapFault {
    const fn notice(self) -> &'static str {
        match self {
            Self::NoWebGl2 => "Map shown without animation: this browser offers no WebGL2.",
            Self::ContextLost => "Map shown without animation until the graphics card is back.",
            Self::Driver => "Map shown without animation: the graphics driver cannot draw it.",
            Self::BaseMap => {
                "Map shown without animation: the base map could not be loaded. Reload to try again."
            }
            Self::Elements => "Map shown without animation.",
        }
    }
}

/// The elements that the renderer draws on.
#[derive(Clone, Copy, Debug, Default)]
pub struct MapElements {
    /// As large as the map; has the focus.
    pub stage: NodeRef<Div>,
    /// Below: the world.
    pub base: NodeRef<Canvas>,
    /// Above: the arcs.
    pub arcs: NodeRef<Canvas>,
    /// On top: the names, and the surface for pointers.
    pub labels: NodeRef<Canvas>,
    /// The card beside the pointer.
    pub card: NodeRef<Div>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Still,
    Alive,
    Faulty(MapFault),
}

/// The world map. It fills the element that it is in.
#[component]
pub fn WorldMap(
    /// Where arcs come from.
    feed: MapFeed,
    /// Home networks: markers with their names.
    homes: Signal<Vec<HomeNetwork>>,
    /// Cities that get a name as one zooms in, in any order.
    cities: Signal<Vec<City>>,
    /// Colours of countries, and dots.
    paint: Signal<Paint>,
    /// What the card says of a country, a city or a home network.
    facts: Callback<MapTarget, Vec<CardLine>>,
    /// The country that is highlighted.
    selected: Signal<Option<CountryCode>>,
    /// Something was clicked, tapped, or chosen with Enter.
    on_select: Callback<MapTarget>,
    /// What is shown; set by the map when it comes to rest, and by the page to move it.
    view: RwSignal<MapView>,
    /// How the page films the map.
    #[prop(optional)]
    handle: MapHandle,
) -> impl IntoView {
    let elements = MapElements::default();
    let state = RwSignal::new(State::Still);
    let hovered = RwSignal::new(None::<MapTarget>);
    let in_the_middle = RwSignal::new(None::<Option<CountryCode>>);
    let renderer = handle.0;
    let is_started = RwSignal::new(false);

    let tell = move |event| match event {
        MapEvent::Ready => state.set(State::Alive),
        MapEvent::Failed(fault) => state.set(State::Faulty(fault)),
        MapEvent::View(shown) => view.set(shown),
        MapEvent::Hover(target) => hovered.set(target),
        MapEvent::Select(target) => on_select.run(target),
        MapEvent::Keyboard(country) => in_the_middle.set(Some(country)),
        MapEvent::Pointer => in_the_middle.set(None),
    };
    let order = move |order: &dyn Fn(&MapRenderer)| {
        renderer.with_value(|renderer| renderer.as_deref().into_iter().for_each(order));
    };
    // Effects run in browsers only, so the renderer is touched and released on its own thread.
    Effect::new(move |_| {
        match MapRenderer::start(elements, view.get_untracked().sane(), tell) {
            Ok(started) => {
                renderer.set_value(Some(SendWrapper::new(started)));
                is_started.set(true);
            }
            Err(fault) => state.set(State::Faulty(fault)),
        }
        on_cleanup(move || {
            renderer.try_update_value(Option::take);
        });
    });
    let when_started = move |act: fn(&MapRenderer, &Inputs), inputs: Inputs| {
        Effect::new(move |_| {
            if is_started.get() {
                order(&|renderer| act(renderer, &inputs));
            }
        });
    };
    let inputs = Inputs { feed, homes, cities, paint, selected, view };
    when_started(|map, inputs| map.set_places(&inputs.homes.get(), &inputs.cities.get()), inputs);
    when_started(|map, inputs| inputs.paint.with(|paint| map.set_paint(paint)), inputs);
    when_started(|map, inputs| map.set_selected(inputs.selected.get()), inputs);
    when_started(|map, inputs| map.set_view(inputs.view.get()), inputs);
    when_started(|map, inputs| map.take(&inputs.feed.take()), inputs);

    let on_order = Callback::new(move |pressed| match pressed {
        Order::ZoomIn => order(&|map| map.zoom_by(1.0)),
        Order::ZoomOut => order(&|map| map.zoom_by(-1.0)),
        Order::Reset => order(&MapRenderer::reset),
        Order::Turn => order(&MapRenderer::toggle_projection),
    });
    let is_alive = move || state.get() == State::Alive;
    let is_globe = move || view.with(|view| view.projection == Projection::Globe);
    let spoken = move || match in_the_middle.get() {
        Some(Some(code)) => told(code, facts),
        Some(None) => "No country in the middle".to_owned(),
        None => String::new(),
    };
    view! {
        <div
            class="world-map"
            class:world-map--alive=is_alive
            class:world-map--keyboard=move || in_the_middle.get().is_some()
        >
            <WorldMapSvg
                paint
                facts
                selected
                on_select=Callback::new(move |code| on_select.run(MapTarget::Country(code)))
            >
                {move || homes.get().into_iter().map(still_home).collect_view()}
            </WorldMapSvg>
            <div
                class="world-map__stage"
                tabindex="0"
                role="application"
                aria-label=INSTRUCTIONS
                node_ref=elements.stage
            >
                <canvas class="world-map__canvas" aria-hidden="true" node_ref=elements.base></canvas>
                <canvas class="world-map__canvas" aria-hidden="true" node_ref=elements.arcs></canvas>
                <canvas
                    class="world-map__canvas world-map__canvas--surface"
                    aria-hidden="true"
                    node_ref=elements.labels
                ></canvas>
                <span class="world-map__crosshair" aria-hidden="true"></span>
            </div>
            <div class="world-map__card" class:world-map__card--shown=move || hovered.get().is_some() node_ref=elements.card>
                <HoverCard target=hovered.into() facts homes/>
            </div>
            <MapControls is_alive=Signal::derive(is_alive) is_globe=Signal::derive(is_globe) on_order/>
            <p class="world-map__spoken" aria-live="polite">{spoken}</p>
            <p class="world-map__notice" role="status">
                {move || match state.get() {
                    State::Faulty(fault) => Some(fault.notice()),
                    State::Still | State::Alive => None,
                }}
            </p>
        </div>
    }
}

/// What the page gives, for effects.
#[derive(Clone, Copy)]
struct Inputs {
    feed: MapFeed,
    homes: Signal<Vec<HomeNetwork>>,
    cities: Signal<Vec<City>>,
    paint: Signal<Paint>,
    selected: Signal<Option<CountryCode>>,
    view: RwSignal<MapView>,
}

/// A country in one line: its name, and what the card says of it.
fn told(code: CountryCode, facts: Callback<MapTarget, Vec<CardLine>>) -> String {
    let name = country(code).map_or_else(|| code.to_string(), |entry| entry.name.to_owned());
    let lines: Vec<String> = facts.run(MapTarget::Country(code)).iter().map(CardLine::told).collect();
    if lines.is_empty() { name } else { format!("{name}: {}", lines.join(", ")) }
}

fn still_home(home: HomeNetwork) -> impl IntoView {
    home.place.precision.has_coordinates().then(|| {
        let (x, y) = still_position(f64::from(home.place.longitude), f64::from(home.place.latitude));
        view! {
            <circle class="world-map__home" cx=format!("{x:.0}") cy=format!("{y:.0}") r="45">
                <title>{home.name}</title>
            </circle>
        }
    })
}
