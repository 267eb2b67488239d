// The life of an arc, in seconds: it travels, lands, and fades.
uniform float u_now;
uniform float u_travel;  // 0 when the viewer asked for reduced motion
uniform float u_life;
uniform float u_pixel;   // device pixels of a CSS pixel

// All arcs, two texels each: degrees east and north of source and destination, the shorter way round; then start in
// seconds, colour, width in CSS pixels, size of the pulse. Arcs are no instances, because software renderers pay
// for every instance as for a drawing of its own.
uniform highp sampler2D u_arcs;
uniform int u_vertices;  // vertices of an arc

int arc_index() {
    return gl_VertexID / u_vertices;
}

vec4 arc_texel(int part) {
    int index = arc_index();
    return texelFetch(u_arcs, ivec2((index & 127) * 2 + part, index >> 7), 0);
}

// The degrees to add that bring the arc nearest to the middle of a flat map, or (pass 1) the next best.
float arc_turn(vec4 ends, float pass) {
    float offset = u_centre.x - 0.5 * (ends.x + ends.z);
    float turn = 360.0 * floor(offset / 360.0 + 0.5);
    return pass < 0.5 ? turn : turn + (offset > turn ? 360.0 : -360.0);
}

bool is_loop(vec2 from, vec2 to) {
    return all(lessThan(abs(from - to), vec2(0.02)));
}
