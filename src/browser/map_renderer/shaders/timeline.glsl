// The life of an arc, in seconds: it travels, lands, and fades.
uniform float u_now;
uniform float u_travel;  // 0 when the viewer asked for reduced motion
uniform float u_life;
uniform float u_pixel;   // device pixels of a CSS pixel

bool is_loop(vec2 from, vec2 to) {
    return all(lessThan(abs(from - to), vec2(0.02)));
}
