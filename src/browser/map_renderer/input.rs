//! Pointers, wheel and keys: what people do to the map, as movements of the camera.

use web_sys::{KeyboardEvent, PointerEvent, WheelEvent};

use super::motion::Motion;
use super::stage::Stage;
use crate::components::world_map::MapEvent;
use crate::components::world_map::projection::Projection;

/// A pointer that moved less than this, in CSS pixels, and was down shorter than [`LONGEST_TAP_MS`] has tapped.
const TAP_REACH: f64 = 6.0;
const LONGEST_TAP_MS: f64 = 500.0;
/// How near a marker must be: for a mouse, for a finger, in CSS pixels.
const MOUSE_REACH: f64 = 9.0;
const FINGER_REACH: f64 = 18.0;
/// Speed that an arrow key gives, in CSS pixels a second.
const KEY_SPEED: f64 = 620.0;

/// Pointers that are down, and the way of the gesture.
#[derive(Clone, Debug, Default)]
pub struct Gesture {
    pointers: Vec<Pointer>,
    began_ms: f64,
    travelled: f64,
    had_two: bool,
    last_move_ms: f64,
    speed: (f64, f64),
}

#[derive(Clone, Copy, Debug)]
struct Pointer {
    id: i32,
    x: f64,
    y: f64,
}

impl Gesture {
    /// True while any pointer is down.
    pub fn is_on(&self) -> bool {
        !self.pointers.is_empty()
    }

    /// Middle of the pointers and their distance.
    fn span(&self) -> Option<(f64, f64, f64)> {
        match self.pointers.as_slice() {
            [one] => Some((one.x, one.y, 0.0)),
            [one, other, ..] => Some((
                f64::midpoint(one.x, other.x),
                f64::midpoint(one.y, other.y),
                (one.x - other.x).hypot(one.y - other.y),
            )),
            [] => None,
        }
    }
}

fn point_of(event: &PointerEvent) -> (f64, f64) {
    (f64::from(event.offset_x()), f64::from(event.offset_y()))
}

impl Stage {
    /// A pointer went down.
    pub fn pointer_down(&mut self, event: &PointerEvent) {
        if event.button() != 0 {
            return;
        }
        let (x, y) = point_of(event);
        // Without capture the drag ends at the edge of the map, no more.
        self.label_canvas.set_pointer_capture(event.pointer_id()).unwrap_or_default();
        self.motion = Motion::default();
        let gesture = &mut self.gesture;
        if gesture.pointers.is_empty() {
            *gesture = Gesture { began_ms: event.time_stamp(), ..Gesture::default() };
        }
        gesture.pointers.push(Pointer { id: event.pointer_id(), x, y });
        gesture.had_two |= gesture.pointers.len() > 1;
        gesture.last_move_ms = event.time_stamp();
        self.outbox.push(MapEvent::Pointer);
    }

    /// A pointer moved, up or down.
    pub fn pointer_moved(&mut self, event: &PointerEvent) {
        let (x, y) = point_of(event);
        let before = self.gesture.span();
        let Some(pointer) = self.gesture.pointers.iter_mut().find(|pointer| pointer.id == event.pointer_id())
        else {
            if event.pointer_type() == "mouse" && !self.gesture.is_on() {
                self.hover(x, y, MOUSE_REACH);
            }
            return;
        };
        (pointer.x, pointer.y) = (x, y);
        let (Some((old_x, old_y, old_span)), Some((new_x, new_y, new_span))) = (before, self.gesture.span())
        else {
            return;
        };
        let (right, down) = (new_x - old_x, new_y - old_y);
        self.camera = self.camera.panned(right, down);
        if old_span > 0.0 && new_span > 0.0 {
            self.camera = self.camera.zoomed_around((new_span / old_span).log2(), new_x, new_y);
        }
        self.is_stale = true;
        let gesture = &mut self.gesture;
        gesture.travelled += right.hypot(down);
        let seconds = ((event.time_stamp() - gesture.last_move_ms) / 1000.0).clamp(0.001, 0.1);
        gesture.last_move_ms = event.time_stamp();
        let share = (seconds * 25.0).min(1.0);
        gesture.speed.0 += (right / seconds - gesture.speed.0) * share;
        gesture.speed.1 += (down / seconds - gesture.speed.1) * share;
        if gesture.travelled > TAP_REACH {
            self.leave();
        }
    }

    /// A pointer went up (`is_whole`) or was taken away by the browser.
    pub fn pointer_up(&mut self, event: &PointerEvent, is_whole: bool) {
        let known = self.gesture.pointers.len();
        self.gesture.pointers.retain(|pointer| pointer.id != event.pointer_id());
        if known == self.gesture.pointers.len() || self.gesture.is_on() || !is_whole {
            return;
        }
        let gesture = self.gesture.clone();
        let (x, y) = point_of(event);
        let lasted_ms = event.time_stamp() - gesture.began_ms;
        if gesture.travelled <= TAP_REACH && lasted_ms < LONGEST_TAP_MS && !gesture.had_two {
            let reach = if event.pointer_type() == "mouse" { MOUSE_REACH } else { FINGER_REACH };
            self.hover(x, y, reach);
            if let Some(target) = self.target_at(x, y, reach) {
                self.outbox.push(MapEvent::Select(target));
            }
        } else if !gesture.had_two && event.time_stamp() - gesture.last_move_ms < 60.0 && !self.is_reduced {
            self.motion.speed = gesture.speed;
        }
    }

    /// The wheel turned, or two fingers moved on a touchpad.
    pub fn wheel(&mut self, event: &WheelEvent) {
        let pixels = match event.delta_mode() {
            WheelEvent::DOM_DELTA_LINE => event.delta_y() * 33.0,
            WheelEvent::DOM_DELTA_PAGE => event.delta_y() * 400.0,
            _ => event.delta_y(),
        };
        // With the control key it is a pinch on a touchpad, which comes in smaller steps.
        let doublings = -pixels * if event.ctrl_key() { 0.012 } else { 0.0028 };
        self.zoom_by(doublings.clamp(-1.0, 1.0), (f64::from(event.offset_x()), f64::from(event.offset_y())));
    }

    /// A key went down on the map; true when it was one of ours.
    pub fn key(&mut self, event: &KeyboardEvent) -> bool {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return false;
        }
        let middle = (self.camera.width / 2.0, self.camera.height / 2.0);
        match event.key().as_str() {
            "ArrowLeft" => self.push((1.0, 0.0)),
            "ArrowRight" => self.push((-1.0, 0.0)),
            "ArrowUp" => self.push((0.0, 1.0)),
            "ArrowDown" => self.push((0.0, -1.0)),
            "+" | "=" => self.zoom_by(0.7, middle),
            "-" | "_" => self.zoom_by(-0.7, middle),
            "0" => self.reset(),
            "g" | "G" => self.toggle_projection(),
            "Enter" => {
                if let Some(target) = self.target_at(middle.0, middle.1, FINGER_REACH) {
                    self.outbox.push(MapEvent::Select(target));
                }
            }
            _ => return false,
        }
        self.is_keyboard = true;
        let country = self.country_in_the_middle();
        self.outbox.push(MapEvent::Keyboard(country));
        self.leave();
        true
    }

    fn push(&mut self, (right, down): (f64, f64)) {
        if self.is_reduced {
            self.camera = self.camera.panned(right * KEY_SPEED / 6.0, down * KEY_SPEED / 6.0);
            self.is_stale = true;
        } else {
            self.motion.flight = None;
            self.motion.speed = (right * KEY_SPEED, down * KEY_SPEED);
        }
    }

    /// Zooms smoothly around a point.
    pub fn zoom_by(&mut self, doublings: f64, around: (f64, f64)) {
        self.motion.flight = None;
        self.motion.speed = (0.0, 0.0);
        if self.is_reduced {
            self.camera = self.camera.zoomed_around(doublings, around.0, around.1);
            self.is_stale = true;
        } else {
            self.motion.zoom(self.camera.view.zoom, doublings, around);
        }
    }

    /// Goes back to the whole world.
    pub fn reset(&mut self) {
        let whole = crate::components::world_map::camera::MapView {
            projection: self.camera.view.projection,
            ..Default::default()
        };
        self.fly_to(whole);
    }

    /// Turns the flat map into a globe, or the globe into a flat map.
    pub fn toggle_projection(&mut self) {
        let mut view = self.camera.view;
        view.projection = match view.projection {
            Projection::Flat => Projection::Globe,
            Projection::Globe => Projection::Flat,
        };
        self.fly_to(view);
    }
}
