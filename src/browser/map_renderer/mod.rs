//! The map in a browser: three canvases, listeners and animation frames, all released when it is dropped.
//!
//! Below is a WebGL2 canvas with the world, drawn again only when the camera or the look changes; above it a
//! transparent one with the arcs, drawn while any moves; on top a 2D canvas with names. Frames are asked for only
//! while there is something to draw; browsers give none to a hidden tab. `map_renderer_absent.rs` is its twin on
//! the server, where there is no map to draw.

mod arc_layer;
mod base_layer;
mod gl;
mod input;
mod label_layer;
mod listen;
mod motion;
pub mod palette;
pub mod shot;
mod stage;

use std::cell::RefCell;
use std::rc::Rc;

use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Event, EventTarget, KeyboardEvent, MutationObserver, MutationObserverInit, PointerEvent, ResizeObserver,
    Response, WheelEvent, Window,
};

use self::gl::GlError;
use self::listen::Listener;
use self::shot::{Camcorder, Shot};
use self::stage::{Parts, Stage};
use crate::browser::film::FilmSize;
use crate::components::world_map::base_map::BaseMap;
use crate::components::world_map::camera::MapView;
use crate::components::world_map::feed::Waiting;
use crate::components::world_map::paint::Paint;
use crate::components::world_map::{BASE_MAP_PATH, MapElements, MapEvent, MapFault};
use crate::model::place::{City, CountryCode, HomeNetwork};

/// A running map.
pub struct MapRenderer {
    heart: Rc<Heart>,
    _listeners: Vec<Listener>,
    _observers: Observers,
}

/// What an animation frame calls, with the time in milliseconds.
type Tick = Closure<dyn FnMut(f64)>;

/// The stage, its frames, and whom it tells.
struct Heart {
    stage: RefCell<Stage>,
    frame: RefCell<Option<i32>>,
    tick: RefCell<Option<Tick>>,
    tell: Box<dyn Fn(MapEvent)>,
}

struct Observers {
    size: ResizeObserver,
    theme: MutationObserver,
    _reactions: [Closure<dyn FnMut()>; 2],
}

impl Drop for Observers {
    fn drop(&mut self) {
        self.size.disconnect();
        self.theme.disconnect();
    }
}

impl MapRenderer {
    /// Starts the map on its elements; `tell` is called with what happens, from now on until it is dropped.
    ///
    /// The land is fetched meanwhile: [`MapEvent::Ready`] comes when it is drawn.
    pub fn start(
        elements: MapElements,
        view: MapView,
        tell: impl Fn(MapEvent) + 'static,
    ) -> Result<Self, MapFault> {
        let missing = MapFault::Elements;
        let window = leptos::prelude::window();
        let document = leptos::prelude::document();
        let parts = Parts {
            window: window.clone(),
            document: document.clone(),
            element: elements.stage.get_untracked().ok_or(missing)?.unchecked_into(),
            card: elements.card.get_untracked().ok_or(missing)?.unchecked_into(),
            base_canvas: elements.base.get_untracked().ok_or(missing)?,
            arc_canvas: elements.arcs.get_untracked().ok_or(missing)?,
            label_canvas: elements.labels.get_untracked().ok_or(missing)?,
        };
        let stage = Stage::new(parts, view).map_err(|error| fault_of(&error))?;
        let heart = Rc::new(Heart {
            stage: RefCell::new(stage),
            frame: RefCell::default(),
            tick: RefCell::default(),
            tell: Box::new(tell),
        });
        let beating = Rc::downgrade(&heart);
        *heart.tick.borrow_mut() = Some(Closure::new(move |now_ms| {
            if let Some(heart) = beating.upgrade() {
                heart.frame.replace(None);
                heart.change(|stage| stage.frame(now_ms));
            }
        }));
        let observers = heart.observe(&document).ok_or(missing)?;
        let listeners = heart.listen(&window);
        heart.change(Stage::read_motion_preference);
        let loading = Rc::downgrade(&heart);
        leptos::task::spawn_local(async move {
            let map = fetch_base_map(window).await;
            if let Some(heart) = loading.upgrade() {
                heart.change(|stage| {
                    let outcome = map.and_then(|map| stage.set_map(map).map_err(|error| fault_of(&error)));
                    stage.outbox.push(outcome.map_or_else(MapEvent::Failed, |()| MapEvent::Ready));
                });
            }
        });
        heart.ask_for_frame();
        Ok(Self { heart, _listeners: listeners, _observers: observers })
    }

    /// Takes the home networks and cities that have names on the map.
    pub fn set_places(&self, homes: &[HomeNetwork], cities: &[City]) {
        self.heart.change(|stage| {
            stage.labels.set_places(homes, cities);
            stage.is_stale = true;
        });
    }

    /// Colours the countries, and draws the dots.
    pub fn set_paint(&self, paint: &Paint) {
        self.heart.change(|stage| stage.set_paint(paint));
    }

    /// Highlights a country.
    pub fn set_selected(&self, selected: Option<CountryCode>) {
        self.heart.change(|stage| stage.set_selected(selected));
    }

    /// Flies to a view that the page set.
    pub fn set_view(&self, view: MapView) {
        self.heart.change(|stage| stage.set_view(view));
    }

    /// Takes arcs and orders for them.
    pub fn take(&self, waiting: &Waiting) {
        self.heart.change(|stage| stage.take(waiting));
    }

    /// Zooms around the middle by so many doublings.
    pub fn zoom_by(&self, doublings: f64) {
        self.heart.change(|stage| {
            let middle = (stage.camera.width / 2.0, stage.camera.height / 2.0);
            stage.zoom_by(doublings, middle);
        });
    }

    /// Goes back to the whole world.
    pub fn reset(&self) {
        self.heart.change(Stage::reset);
    }

    /// Turns the flat map into a globe, or the globe into a flat map.
    pub fn toggle_projection(&self) {
        self.heart.change(Stage::toggle_projection);
    }

    /// Gives every frame to `take` from now on, at this size and also while nothing moves; `take` must not call the map.
    /// False where the browser cannot.
    pub fn film(&self, size: FilmSize, take: impl FnMut(&Shot<'_>) + 'static) -> bool {
        let Some(camcorder) = Camcorder::new(&leptos::prelude::document(), size, take) else { return false };
        self.heart.change(|stage| {
            stage.camcorder = Some(camcorder);
            stage.refit();
        });
        true
    }

    /// Films no longer: the map is as large as its place on the page again.
    pub fn end_film(&self) {
        self.heart.change(|stage| {
            if stage.camcorder.take().is_some() {
                stage.refit();
            }
        });
    }
}

impl Drop for MapRenderer {
    fn drop(&mut self) {
        if let Some(frame) = self.heart.frame.take() {
            // A frame that cannot be cancelled finds the heart gone.
            leptos::prelude::window().cancel_animation_frame(frame).unwrap_or_default();
        }
        self.heart.tick.take();
        if let Ok(mut stage) = self.heart.stage.try_borrow_mut() {
            stage.release();
        }
    }
}

impl Heart {
    /// Changes the stage, asks for a frame if there is something to draw, and tells the page what happened.
    fn change(&self, change: impl FnOnce(&mut Stage)) {
        let Ok(mut stage) = self.stage.try_borrow_mut() else { return };
        change(&mut stage);
        let news = std::mem::take(&mut stage.outbox);
        let wants_frame = stage.wants_frame();
        drop(stage);
        if wants_frame {
            self.ask_for_frame();
        }
        for event in news {
            (self.tell)(event);
        }
    }

    fn ask_for_frame(&self) {
        let mut frame = self.frame.borrow_mut();
        if frame.is_none()
            && let Some(tick) = self.tick.borrow().as_ref()
        {
            *frame = leptos::prelude::window().request_animation_frame(tick.as_ref().unchecked_ref()).ok();
        }
    }

    /// Watches the size of the map and the theme of the page.
    fn observe(self: &Rc<Self>, document: &web_sys::Document) -> Option<Observers> {
        let reaction = |react: fn(&mut Stage)| {
            let heart = Rc::downgrade(self);
            Closure::<dyn FnMut()>::new(move || {
                if let Some(heart) = heart.upgrade() {
                    heart.change(react);
                }
            })
        };
        let resized = reaction(Stage::refit);
        let dressed = reaction(Stage::read_theme);
        let size = ResizeObserver::new(resized.as_ref().unchecked_ref()).ok()?;
        size.observe(&self.stage.borrow().element);
        let theme = MutationObserver::new(dressed.as_ref().unchecked_ref()).ok()?;
        let attributes = MutationObserverInit::new();
        attributes.set_attributes(true);
        attributes.set_attribute_filter(&js_sys::Array::of2(&"data-theme".into(), &"class".into()));
        let root: web_sys::Node = document.document_element()?.into();
        theme.observe_with_options(&root, &attributes).ok()?;
        Some(Observers { size, theme, _reactions: [resized, dressed] })
    }

    /// Listens to everything else.
    fn listen(self: &Rc<Self>, window: &Window) -> Vec<Listener> {
        let stage = self.stage.borrow();
        let surface: &EventTarget = stage.label_canvas.as_ref();
        let element: &EventTarget = stage.element.as_ref();
        let on = |target: &EventTarget, kind, react: fn(&mut Stage, &Event)| {
            let heart = Rc::downgrade(self);
            Listener::new(target, kind, move |event| {
                if let Some(heart) = heart.upgrade() {
                    heart.change(|stage| react(stage, &event));
                }
            })
        };
        let mut listeners = vec![
            on(surface, "pointerdown", |stage, event| {
                event.dyn_ref::<PointerEvent>().into_iter().for_each(|event| stage.pointer_down(event));
            }),
            on(surface, "pointermove", |stage, event| {
                event.dyn_ref::<PointerEvent>().into_iter().for_each(|event| stage.pointer_moved(event));
            }),
            on(surface, "pointerup", |stage, event| {
                event.dyn_ref::<PointerEvent>().into_iter().for_each(|event| stage.pointer_up(event, true));
            }),
            on(surface, "pointercancel", |stage, event| {
                event.dyn_ref::<PointerEvent>().into_iter().for_each(|event| stage.pointer_up(event, false));
            }),
            on(surface, "pointerleave", |stage, event| {
                // A finger leaves with every tap; what it tapped stays told.
                if event.dyn_ref::<PointerEvent>().is_some_and(|event| event.pointer_type() == "mouse") {
                    stage.leave();
                }
            }),
            on(surface, "wheel", |stage, event| {
                event.prevent_default();
                event.dyn_ref::<WheelEvent>().into_iter().for_each(|event| stage.wheel(event));
            }),
            on(surface, "dblclick", |stage, event| {
                if let Some(event) = event.dyn_ref::<web_sys::MouseEvent>() {
                    let around = (f64::from(event.offset_x()), f64::from(event.offset_y()));
                    stage.zoom_by(1.0, around);
                }
            }),
            on(element, "keydown", |stage, event| {
                if event.dyn_ref::<KeyboardEvent>().is_some_and(|event| stage.key(event)) {
                    event.prevent_default();
                }
            }),
        ];
        for canvas in [&stage.base_canvas, &stage.arc_canvas] {
            listeners.push(on(canvas, "webglcontextlost", |stage, event| {
                // Without this the browser would never give the context back.
                event.prevent_default();
                stage.is_lost = true;
                stage.outbox.push(MapEvent::Failed(MapFault::ContextLost));
            }));
            listeners.push(on(canvas, "webglcontextrestored", |stage, _| {
                // The other canvas may still be lost: its own event tries again.
                stage.restore().unwrap_or_default();
            }));
        }
        for (query, react) in [
            ("(prefers-color-scheme: dark)", Stage::read_theme as fn(&mut Stage)),
            ("(prefers-reduced-motion: reduce)", Stage::read_motion_preference),
        ] {
            if let Ok(Some(query)) = window.match_media(query) {
                let heart = Rc::downgrade(self);
                listeners.push(Listener::new(&query, "change", move |_| {
                    if let Some(heart) = heart.upgrade() {
                        heart.change(react);
                    }
                }));
            }
        }
        listeners.into_iter().flatten().collect()
    }
}

fn fault_of(error: &GlError) -> MapFault {
    match error {
        GlError::NoContext => MapFault::NoWebGl2,
        GlError::Refused(words) => {
            leptos::logging::warn!("the map cannot be drawn: {words}");
            MapFault::Driver
        }
    }
}

async fn fetch_base_map(window: Window) -> Result<BaseMap, MapFault> {
    let bytes = fetch_bytes(window).await.map_err(|_| MapFault::BaseMap)?;
    BaseMap::parse(&bytes).map_err(|error| {
        leptos::logging::warn!("{error}");
        MapFault::BaseMap
    })
}

async fn fetch_bytes(window: Window) -> Result<Vec<u8>, JsValue> {
    let response: Response = JsFuture::from(window.fetch_with_str(BASE_MAP_PATH)).await?.dyn_into()?;
    if !response.ok() {
        return Err(JsValue::NULL);
    }
    let buffer = JsFuture::from(response.array_buffer()?).await?;
    Ok(js_sys::Uint8Array::new(&buffer).to_vec())
}
