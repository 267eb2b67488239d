//! The canvas above: arcs and the rings where they land, drawn on the graphics card from a ring buffer.
//!
//! An arc is written once, when it sets off; after that a frame costs the processor the same for one arc and for
//! thousands. All arcs live equally long, so the living are one stretch of the ring, or two where it wraps.

use web_sys::{HtmlCanvasElement, WebGl2RenderingContext as Gl, WebGlTexture, WebGlVertexArrayObject};

use super::base_layer::device_pixels;
use super::gl::{GlError, Lens, Program, context, count, release, vertex_array};
use super::palette::Palette;
use crate::components::world_map::MapArc;

const PROJECTION: &str = include_str!("shaders/projection.glsl");
const TIMELINE: &str = include_str!("shaders/timeline.glsl");
/// Arcs at a time; more replace the oldest.
pub const CAPACITY: usize = 8_192;
/// Numbers of an arc: two texels.
const NUMBERS: usize = 8;
/// Arcs in a row of the texture that holds them; `timeline.glsl` knows it, too.
const ROW: usize = 128;
/// Vertices of a ring where an arc lands.
const PULSE_VERTICES: i32 = 6;
/// Steps of an arc's strip when it is painted whole, and when arcs are many and short.
const STEPS: f32 = 36.0;
const FEWEST_STEPS: f32 = 14.0;
/// Seconds on the way.
const TRAVEL_S: f64 = 1.2;
/// Seconds from setting off to being gone.
const LIFE_S: f64 = 2.9;
/// From so many arcs on they are painted thinner and shorter, and no less from so many on: many full arcs would
/// hide each other and cost a weak graphics card its fluency.
const CROWD_FROM: f64 = 500.0;
const CROWD_TO: f64 = 2_500.0;
/// After so many seconds the clock begins anew, lest single precision shows.
const LONGEST_CLOCK_S: f64 = 1_800.0;

/// The canvas above and the arcs on it.
pub struct ArcLayer {
    gl: Gl,
    arc: Program,
    pulse: Program,
    nothing: WebGlVertexArrayObject,
    texture: WebGlTexture,
    numbers: Vec<f32>,
    /// Where the next arc goes.
    next: usize,
    /// Arcs that live, ending before `next`.
    living: usize,
    /// Animation clock, in seconds; it stands still during a pause.
    clock_s: f64,
    is_blank: bool,
}

impl ArcLayer {
    /// Compiles what is needed.
    pub fn new(canvas: &HtmlCanvasElement) -> Result<Self, GlError> {
        let gl = context(canvas, true)?;
        let uniforms = [
            "u_arcs",
            "u_vertices",
            "u_tail",
            "u_soft",
            "u_now",
            "u_travel",
            "u_life",
            "u_palette",
            "u_steps",
            "u_pass",
            "u_light",
            "u_at_source",
        ];
        let arc = Program::new(
            &gl,
            &[PROJECTION, TIMELINE, include_str!("shaders/arc.vert")],
            &[include_str!("shaders/arc.frag")],
            &uniforms,
        )?;
        let pulse = Program::new(
            &gl,
            &[PROJECTION, TIMELINE, include_str!("shaders/pulse.vert")],
            &[include_str!("shaders/pulse.frag")],
            &uniforms,
        )?;
        let nothing = vertex_array(&gl)?;
        let texture = gl.create_texture().ok_or_else(|| GlError::Refused("no texture".to_owned()))?;
        gl.bind_texture(Gl::TEXTURE_2D, Some(&texture));
        gl.tex_storage_2d(Gl::TEXTURE_2D, 1, Gl::RGBA32F, count(ROW * 2), count(CAPACITY / ROW));
        for filter in [Gl::TEXTURE_MIN_FILTER, Gl::TEXTURE_MAG_FILTER] {
            gl.tex_parameteri(Gl::TEXTURE_2D, filter, Gl::NEAREST.cast_signed());
        }
        Ok(Self {
            gl,
            arc,
            pulse,
            nothing,
            texture,
            numbers: vec![0.0; CAPACITY * NUMBERS],
            next: 0,
            living: 0,
            clock_s: 0.0,
            is_blank: true,
        })
    }

    /// Gives the context back.
    pub fn release(&self) {
        release(&self.gl);
    }

    /// True while any arc lives.
    pub fn is_moving(&self) -> bool {
        self.living > 0
    }

    /// True when nothing is painted on the canvas.
    pub fn is_blank(&self) -> bool {
        self.is_blank
    }

    /// Takes all arcs away.
    pub fn clear(&mut self) {
        self.living = 0;
    }

    /// Lets arcs set off, spread over the seconds given so that a batch does not move as one.
    pub fn add(&mut self, arcs: &[MapArc], spread_s: f64) {
        if self.living == 0 || self.clock_s > LONGEST_CLOCK_S {
            self.restart_clock();
        }
        let arcs = arcs.get(arcs.len().saturating_sub(CAPACITY)..).unwrap_or_default();
        let first = self.next;
        for (position, arc) in arcs.iter().enumerate() {
            let share = ratio(position, arcs.len());
            let numbers = numbers_of(arc, self.clock_s + share * spread_s);
            if let Some(slot) = self.numbers.get_mut(self.next * NUMBERS..(self.next + 1) * NUMBERS) {
                slot.copy_from_slice(&numbers);
            }
            self.next = (self.next + 1) % CAPACITY;
        }
        self.living = (self.living + arcs.len()).min(CAPACITY);
        for (from, number) in stretches(first, arcs.len()) {
            self.upload(from, number);
        }
    }

    /// Lets time pass and forgets arcs that are gone.
    pub fn advance(&mut self, seconds: f64) {
        self.clock_s += seconds;
        while self.living > 0 {
            let oldest = (self.next + CAPACITY - self.living) % CAPACITY;
            let start = self.numbers.get(oldest * NUMBERS + 4).copied().unwrap_or_default();
            if self.clock_s - f64::from(start) <= LIFE_S {
                break;
            }
            self.living -= 1;
        }
    }

    /// 0 when each arc can be painted whole, 1 when they are very many.
    #[expect(clippy::cast_possible_truncation, reason = "0 to 1")]
    fn crowd(&self) -> f32 {
        ((ratio(self.living, 1) - CROWD_FROM) / (CROWD_TO - CROWD_FROM)).clamp(0.0, 1.0) as f32
    }

    /// Draws all arcs; with `is_still` they appear and fade without travelling.
    #[expect(clippy::cast_possible_truncation, reason = "a few dozen steps")]
    pub fn draw(&mut self, lens: &Lens, palette: &Palette, is_still: bool) {
        let gl = &self.gl;
        let [half_width, half_height] = lens.half;
        gl.viewport(0, 0, device_pixels(half_width), device_pixels(half_height));
        gl.clear_color(0.0, 0.0, 0.0, 0.0);
        gl.clear(Gl::COLOR_BUFFER_BIT);
        self.is_blank = self.living == 0;
        if self.is_blank {
            return;
        }
        gl.enable(Gl::BLEND);
        gl.blend_func(Gl::ONE, Gl::ONE_MINUS_SRC_ALPHA);
        gl.bind_vertex_array(Some(&self.nothing));
        gl.bind_texture(Gl::TEXTURE_2D, Some(&self.texture));
        // An arc spans half a world at most: its second copy shows only where more than that is seen.
        let passes: &[f32] = if lens.globe <= 0.0 && lens.half_span > 85.0 { &[0.0, 1.0] } else { &[0.0] };
        let vertices = (steps(self.crowd()) as i32 + 1) * 2 + 2;
        let oldest = (self.next + CAPACITY - self.living) % CAPACITY;
        for (from, number) in stretches(oldest, self.living) {
            for &pass in passes {
                self.prepare(&self.arc, lens, palette, is_still, pass);
                self.arc.set_whole("u_vertices", vertices);
                gl.draw_arrays(Gl::TRIANGLE_STRIP, count(from) * vertices, count(number) * vertices);
                // Where much lands at once, rings do not add up to a blot.
                gl.blend_equation(Gl::MAX);
                self.prepare(&self.pulse, lens, palette, is_still, pass);
                self.pulse.set_whole("u_vertices", PULSE_VERTICES);
                for at_source in [1.0, 0.0] {
                    self.pulse.set("u_at_source", at_source);
                    gl.draw_arrays(
                        Gl::TRIANGLES,
                        count(from) * PULSE_VERTICES,
                        count(number) * PULSE_VERTICES,
                    );
                }
                gl.blend_equation(Gl::FUNC_ADD);
            }
        }
        gl.bind_vertex_array(None);
    }

    #[expect(clippy::cast_possible_truncation, reason = "shaders count in single precision")]
    fn prepare(&self, program: &Program, lens: &Lens, palette: &Palette, is_still: bool, pass: f32) {
        program.begin(lens);
        program.set("u_now", self.clock_s as f32);
        program.set("u_travel", if is_still { 0.0 } else { TRAVEL_S as f32 });
        program.set("u_life", LIFE_S as f32);
        program.set("u_steps", steps(self.crowd()));
        program.set("u_pass", pass);
        let crowd = self.crowd();
        program.set("u_tail", 1.0 - 0.7 * crowd);
        program.set("u_soft", 3.5 - 2.3 * crowd);
        program.set("u_light", if palette.is_dark() { 1.0 } else { 0.0 });
        program.set_colours("u_palette", &palette.arcs);
    }

    #[expect(clippy::cast_possible_truncation, reason = "shaders count in single precision")]
    fn restart_clock(&mut self) {
        let gone = self.clock_s as f32;
        for arc in self.numbers.chunks_exact_mut(NUMBERS) {
            if let Some(start) = arc.get_mut(4) {
                *start -= gone;
            }
        }
        self.clock_s = 0.0;
        self.upload(0, CAPACITY);
    }

    /// Writes the rows of the texture that hold these arcs.
    fn upload(&self, from: usize, number: usize) {
        let rows = from / ROW..(from + number).div_ceil(ROW);
        if let Some(numbers) = self.numbers.get(rows.start * ROW * NUMBERS..rows.end * ROW * NUMBERS) {
            let (gl, view) = (&self.gl, js_sys::Float32Array::from(numbers));
            gl.bind_texture(Gl::TEXTURE_2D, Some(&self.texture));
            gl.tex_sub_image_2d_with_i32_and_i32_and_u32_and_type_and_opt_array_buffer_view(
                Gl::TEXTURE_2D,
                0,
                0,
                count(rows.start),
                count(ROW * 2),
                count(rows.len()),
                Gl::RGBA,
                Gl::FLOAT,
                Some(&view),
            )
            // It fails for a lost context only, which is built anew with all that it held.
            .unwrap_or_default();
        }
    }
}

fn steps(crowd: f32) -> f32 {
    (STEPS + (FEWEST_STEPS - STEPS) * crowd).round()
}

/// The stretches of a ring from a position on: where each begins and how long it is.
fn stretches(from: usize, number: usize) -> impl Iterator<Item = (usize, usize)> {
    let until_end = number.min(CAPACITY - from.min(CAPACITY));
    [(from, until_end), (0, number - until_end)].into_iter().filter(|&(_, number)| number > 0)
}

#[expect(clippy::cast_precision_loss, reason = "a share of a few thousand arcs")]
fn ratio(position: usize, number: usize) -> f64 {
    position as f64 / number.max(1) as f64
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "widths on a screen")]
fn numbers_of(arc: &MapArc, start_s: f64) -> [f32; NUMBERS] {
    let mut to = arc.to.0;
    if to - arc.from.0 > 180.0 {
        to -= 360.0;
    } else if to - arc.from.0 < -180.0 {
        to += 360.0;
    }
    let width = (0.9 + 0.42 * (1.0 + arc.bytes as f32 / 400.0).log10()).min(4.2);
    let pulse = (7.0 + 5.0 * (arc.flows.max(1) as f32).log10()).min(26.0);
    let colour = f32::from(arc.colour.min(7));
    [arc.from.0, arc.from.1, to, arc.to.1, start_s as f32, colour, width, pulse]
}
