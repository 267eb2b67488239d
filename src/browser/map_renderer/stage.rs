//! The stage: the canvases, the camera and all that is on the map now, and what a frame does.

use web_sys::{Document, HtmlCanvasElement, HtmlElement, Window};

use super::arc_layer::ArcLayer;
use super::base_layer::{BaseLayer, Emphasis};
use super::gl::{GlError, Lens};
use super::input::Gesture;
use super::label_layer::LabelLayer;
use super::motion::{Flight, Motion};
use super::palette::Palette;
use super::shot::Camcorder;
use crate::components::world_map::base_map::BaseMap;
use crate::components::world_map::camera::{Camera, MapView};
use crate::components::world_map::feed::Waiting;
use crate::components::world_map::mesh::Mesh;
use crate::components::world_map::paint::Paint;
use crate::components::world_map::projection::Projection;
use crate::components::world_map::{MapEvent, MapTarget};
use crate::model::place::CountryCode;

/// Device pixels of a CSS pixel, at most: more costs four times the work for nothing that is seen.
const MOST_PIXELS: f64 = 2.0;
/// Seconds from flat to globe.
const TURNING_S: f64 = 0.9;
/// Longest time that a frame lets pass, in seconds: after a pause nothing jumps.
const LONGEST_FRAME_S: f64 = 0.25;
/// Seconds since they set off, of the arcs of a still picture: they are at their brightest, and their ends are marked.
const PICTURE_AGE_S: f64 = 0.25;

/// Everything that a map has in the browser.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and all combinations occur")]
pub struct Stage {
    pub window: Window,
    pub document: Document,
    /// The element that is as large as the map and has its theme.
    pub element: HtmlElement,
    /// The card beside the pointer.
    pub card: HtmlElement,
    pub base_canvas: HtmlCanvasElement,
    pub arc_canvas: HtmlCanvasElement,
    pub label_canvas: HtmlCanvasElement,
    pub base: BaseLayer,
    pub arcs: ArcLayer,
    pub labels: LabelLayer,
    pub palette: Palette,
    /// Who films, if anybody does.
    pub camcorder: Option<Camcorder>,
    pub map: Option<BaseMap>,
    pub camera: Camera,
    pub motion: Motion,
    pub gesture: Gesture,
    /// What the page is told when this is no longer borrowed.
    pub outbox: Vec<MapEvent>,
    /// True when map and labels have to be drawn again.
    pub is_stale: bool,
    pub is_paused: bool,
    /// True while arcs are drawn whole, as in a picture.
    is_whole: bool,
    /// True when the viewer asked for reduced motion.
    pub is_reduced: bool,
    pub is_lost: bool,
    pub is_keyboard: bool,
    paint: Paint,
    selected: Option<CountryCode>,
    emphasis: Emphasis,
    hovered: Option<MapTarget>,
    /// 0 flat, 1 globe.
    globe: f64,
    pixel: f64,
    /// The view that the page set last or was told last.
    asked: MapView,
    /// The view that needs no telling.
    told: MapView,
    last_frame_ms: Option<f64>,
}

/// The parts that a stage is built of.
pub struct Parts {
    pub window: Window,
    pub document: Document,
    pub element: HtmlElement,
    pub card: HtmlElement,
    pub base_canvas: HtmlCanvasElement,
    pub arc_canvas: HtmlCanvasElement,
    pub label_canvas: HtmlCanvasElement,
}

impl Stage {
    /// Sets everything up; the land comes later.
    pub fn new(parts: Parts, view: MapView) -> Result<Self, GlError> {
        let refused = |what: &str| GlError::Refused(what.to_owned());
        let Parts { window, document, element, card, base_canvas, arc_canvas, label_canvas } = parts;
        let base = BaseLayer::new(&base_canvas)?;
        let arcs = ArcLayer::new(&arc_canvas)?;
        let style = window.get_computed_style(&element).ok().flatten();
        let font = style.and_then(|style| style.get_property_value("font-family").ok());
        let labels = LabelLayer::new(&label_canvas, font.unwrap_or_else(|| "sans-serif".to_owned()))
            .ok_or_else(|| refused("no labels"))?;
        let palette = Palette::read(&window, &document, &element).ok_or_else(|| refused("no colours"))?;
        let mut stage = Self {
            window,
            document,
            element,
            card,
            base_canvas,
            arc_canvas,
            label_canvas,
            base,
            arcs,
            labels,
            palette,
            camcorder: None,
            map: None,
            camera: Camera::new(view, 1.0, 1.0),
            motion: Motion::default(),
            gesture: Gesture::default(),
            outbox: Vec::new(),
            is_stale: true,
            is_paused: false,
            is_whole: false,
            is_reduced: false,
            is_lost: false,
            is_keyboard: false,
            paint: Paint::default(),
            selected: None,
            emphasis: Emphasis::default(),
            hovered: None,
            globe: if view.projection == Projection::Globe { 1.0 } else { 0.0 },
            pixel: 1.0,
            asked: view,
            told: view,
            last_frame_ms: None,
        };
        // The size is not known before: a view is kept until the map can say what of it is possible.
        stage.resize();
        stage.camera = Camera::new(view, stage.camera.width, stage.camera.height);
        stage.told = stage.camera.view;
        Ok(stage)
    }

    /// Takes the land.
    pub fn set_map(&mut self, map: BaseMap) -> Result<(), GlError> {
        self.base.upload(&Mesh::of(&map))?;
        self.labels.set_countries(&map);
        self.map = Some(map);
        self.set_selected(self.selected);
        self.mix_shades()
    }

    /// Builds the layers anew after the browser took the contexts and gave them back.
    pub fn restore(&mut self) -> Result<(), GlError> {
        self.base = BaseLayer::new(&self.base_canvas)?;
        self.arcs = ArcLayer::new(&self.arc_canvas)?;
        if let Some(map) = &self.map {
            self.base.upload(&Mesh::of(map))?;
        }
        self.mix_shades()?;
        self.is_lost = false;
        self.is_stale = true;
        self.outbox.push(MapEvent::Ready);
        Ok(())
    }

    /// Gives the graphics card back.
    pub fn release(&mut self) {
        self.is_lost = true;
        self.base.release();
        self.arcs.release();
    }

    /// Fits the canvases to the element.
    pub fn resize(&mut self) {
        let (width, height);
        if let Some(camcorder) = &self.camcorder {
            let size = camcorder.size;
            self.pixel = size.pixel();
            (width, height) = (f64::from(size.width) / self.pixel, f64::from(size.height) / self.pixel);
        } else {
            self.pixel = self.window.device_pixel_ratio().clamp(1.0, MOST_PIXELS);
            (width, height) =
                (f64::from(self.element.client_width()), f64::from(self.element.client_height()));
        }
        let (width, height) = (width.max(1.0), height.max(1.0));
        for canvas in [&self.base_canvas, &self.arc_canvas, &self.label_canvas] {
            canvas.set_width(pixels(width * self.pixel));
            canvas.set_height(pixels(height * self.pixel));
        }
        let was_told = self.told == self.camera.view;
        self.camera = Camera::new(self.camera.view, width, height);
        if was_told {
            self.told = self.camera.view;
        }
        self.is_stale = true;
    }

    /// Fits the canvases to the element or to the film, and draws at once: resizing empties them, and what stays away
    /// for a frame flickers.
    pub fn refit(&mut self) {
        // Places on a map that is shown scaled are not those of the pointer.
        let (element, is_filmed) = (&self.element, self.camcorder.is_some());
        // Neither can fail for a fixed name of an attribute.
        drop(element.toggle_attribute_with_force("inert", is_filmed));
        drop(element.toggle_attribute_with_force("data-filmed", is_filmed));
        self.leave();
        self.resize();
        let now_ms = self.window.performance().map_or(0.0, |performance| performance.now());
        self.frame(now_ms);
    }

    /// Reads the theme's colours again.
    pub fn read_theme(&mut self) {
        if let Some(palette) = Palette::read(&self.window, &self.document, &self.element) {
            self.palette = palette;
            self.is_stale = true;
            // Colours that cannot be uploaded are those of a context that is lost: it comes back with new ones.
            self.mix_shades().unwrap_or_default();
        }
    }

    /// Takes the colours of countries, and the dots.
    pub fn set_paint(&mut self, paint: &Paint) {
        self.paint = paint.clone();
        self.is_stale = true;
        // As above.
        self.mix_shades().unwrap_or_default();
    }

    fn mix_shades(&self) -> Result<(), GlError> {
        let Some(map) = &self.map else { return Ok(()) };
        let shade = |code| {
            let colour = self.palette.shades.get(usize::from(*self.paint.countries.get(&code)?))?;
            let [red, green, blue] = colour.map(byte);
            Some([red, green, blue, 255])
        };
        let shades: Vec<[u8; 4]> =
            map.countries.iter().map(|land| land.code.and_then(shade).unwrap_or_default()).collect();
        self.base.set_shades(&shades)
    }

    /// Asks again whether the viewer wants less motion.
    pub fn read_motion_preference(&mut self) {
        let query = self.window.match_media("(prefers-reduced-motion: reduce)").ok().flatten();
        self.is_reduced = query.is_some_and(|query| query.matches());
    }

    /// Highlights a country.
    pub fn set_selected(&mut self, selected: Option<CountryCode>) {
        self.selected = selected;
        self.emphasis.selected = selected.and_then(|code| self.map.as_ref()?.position(code));
        self.is_stale = true;
    }

    /// Follows a view that the page set; a view that the map itself told is no news.
    pub fn set_view(&mut self, view: MapView) {
        if view != self.asked {
            self.asked = view;
            self.fly_to(view.sane());
            self.told = Camera::new(view, self.camera.width, self.camera.height).view;
        }
    }

    /// Flies to a view, or is there at once when the viewer asked for reduced motion.
    pub fn fly_to(&mut self, view: MapView) {
        self.motion = Motion::default();
        let mut from = self.camera.view;
        from.projection = view.projection;
        if self.is_reduced {
            self.camera = Camera::new(view, self.camera.width, self.camera.height);
            self.globe = if view.projection == Projection::Globe { 1.0 } else { 0.0 };
        } else {
            self.motion.flight = Some(Flight::new(from, view));
        }
        self.is_stale = true;
    }

    /// Takes what the page has for the map.
    pub fn take(&mut self, waiting: &Waiting) {
        self.is_paused = waiting.is_paused;
        self.is_whole = waiting.is_whole;
        if waiting.is_cleared {
            self.arcs.clear();
            self.is_stale = true;
        }
        if self.is_lost || waiting.arcs.is_empty() {
            return;
        }
        if waiting.is_whole {
            self.arcs.add(&waiting.arcs, 0.0);
            self.arcs.advance(PICTURE_AGE_S);
        } else if !self.document.hidden() {
            let number = u32::try_from(waiting.arcs.len()).unwrap_or(u32::MAX);
            self.arcs.add(&waiting.arcs, (f64::from(number) * 0.002).min(0.3));
        }
    }

    /// What is at a point of the map.
    pub fn target_at(&self, x: f64, y: f64, reach: f64) -> Option<MapTarget> {
        self.labels.marker_at(x, y, reach).or_else(|| self.country_at(x, y).map(MapTarget::Country))
    }

    #[expect(clippy::cast_possible_truncation, reason = "degrees")]
    fn country_at(&self, x: f64, y: f64) -> Option<CountryCode> {
        let (longitude, latitude) = self.camera.unproject(x, y)?;
        self.map.as_ref()?.country_at(longitude as f32, latitude as f32)
    }

    /// The country in the middle of the map.
    pub fn country_in_the_middle(&self) -> Option<CountryCode> {
        self.country_at(self.camera.width / 2.0, self.camera.height / 2.0)
    }

    /// Shows what is at a point: the card and a lighter country.
    pub fn hover(&mut self, x: f64, y: f64, reach: f64) {
        let target = self.target_at(x, y, reach);
        self.place_card(x, y);
        self.set_hovered(target);
    }

    /// Shows nothing any more.
    pub fn leave(&mut self) {
        self.set_hovered(None);
    }

    fn set_hovered(&mut self, target: Option<MapTarget>) {
        if target == self.hovered {
            return;
        }
        let code = match &target {
            Some(MapTarget::Country(code)) => Some(*code),
            _ => None,
        };
        self.emphasis.hovered = code.and_then(|code| self.map.as_ref()?.position(code));
        self.is_stale = true;
        let cursor = if target.is_some() { "pointer" } else { "grab" };
        // A cursor that stays as it was is no loss.
        self.label_canvas.style().set_property("cursor", cursor).unwrap_or_default();
        self.outbox.push(MapEvent::Hover(target.clone()));
        self.hovered = target;
    }

    fn place_card(&self, x: f64, y: f64) {
        let width = f64::from(self.card.offset_width()).max(180.0);
        let height = f64::from(self.card.offset_height()).max(60.0);
        let left = if x + 16.0 + width > self.camera.width { x - 16.0 - width } else { x + 16.0 };
        let top = if y + 16.0 + height > self.camera.height { y - 16.0 - height } else { y + 16.0 };
        let place = format!("translate({:.0}px,{:.0}px)", left.max(4.0), top.max(4.0));
        self.card.style().set_property("transform", &place).unwrap_or_default();
    }

    /// True when there is something to draw soon.
    pub fn wants_frame(&self) -> bool {
        !self.is_lost
            && (self.is_stale
                || self.camcorder.is_some()
                || self.motion.is_on()
                || self.is_turning()
                || (self.arcs.is_moving() && !self.is_paused)
                || (!self.arcs.is_moving() && !self.arcs.is_blank())
                || (!self.gesture.is_on() && self.told != self.camera.view))
    }

    fn is_turning(&self) -> bool {
        (self.globe - self.globe_goal()).abs() > f64::EPSILON
    }

    fn globe_goal(&self) -> f64 {
        if self.camera.view.projection == Projection::Globe { 1.0 } else { 0.0 }
    }

    /// Lets time pass and draws what changed.
    pub fn frame(&mut self, now_ms: f64) {
        let passed_s = self.last_frame_ms.map_or(0.016, |last| (now_ms - last) / 1000.0);
        let seconds = passed_s.clamp(0.0, LONGEST_FRAME_S);
        self.last_frame_ms = Some(now_ms);
        if self.motion.is_on() {
            self.camera = self.motion.advance(self.camera, seconds);
            self.is_stale = true;
        }
        if self.is_turning() {
            let step = seconds / TURNING_S;
            self.globe += (self.globe_goal() - self.globe).clamp(-step, step);
            self.is_stale = true;
        }
        let eased = self.globe * self.globe * (3.0 - 2.0 * self.globe);
        let lens = Lens::new(&self.camera, self.pixel, eased);
        if self.is_stale {
            self.is_stale = false;
            #[expect(clippy::cast_possible_truncation, reason = "shaders count in single precision")]
            let strength = self.paint.strength(&self.camera.view) as f32;
            self.base.draw(&lens, &self.palette, self.emphasis, strength);
            if let Some(camcorder) = &self.camcorder {
                camcorder.keep(&self.base_canvas);
            }
            self.labels.draw(&self.camera, self.pixel, &self.palette, &self.paint, self.is_turning());
        }
        if !self.is_paused {
            // Arcs follow the clock on the wall even when frames are rare.
            self.arcs.advance(passed_s.clamp(0.0, 1.0));
        }
        if self.arcs.is_moving() || !self.arcs.is_blank() || self.camcorder.is_some() {
            self.arcs.draw(&lens, &self.palette, self.is_reduced || self.is_whole);
        }
        if let Some(camcorder) = &mut self.camcorder {
            camcorder.take(&self.arc_canvas, &self.label_canvas, &self.palette, self.labels.font());
        }
        if !self.motion.is_on() && !self.gesture.is_on() && self.told != self.camera.view {
            self.told = self.camera.view;
            self.asked = self.told;
            self.outbox.push(MapEvent::View(self.camera.view));
            if self.is_keyboard {
                let country = self.country_in_the_middle();
                self.outbox.push(MapEvent::Keyboard(country));
            }
        }
        if !self.wants_frame() {
            self.last_frame_ms = None;
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a canvas has a few thousand pixels"
)]
fn pixels(length: f64) -> u32 {
    length.round().max(1.0) as u32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
fn byte(part: f32) -> u8 {
    (part.clamp(0.0, 1.0) * 255.0).round() as u8
}
