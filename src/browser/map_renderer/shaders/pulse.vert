// A ring where an arc lands, and a spot where it sets off.
layout(location = 0) in vec4 a_ends;
layout(location = 1) in vec4 a_look;
uniform vec3 u_palette[8];
uniform float u_pass;
uniform float u_at_source;      // 1: the spot at the source
out vec2 v_point;               // CSS pixels from the middle of the ring
out float v_size;               // CSS pixels of the ring's radius now
out float v_strength;
flat out vec3 v_colour;

void main() {
    gl_Position = vec4(2.0, 2.0, 0.0, 1.0);
    v_colour = u_palette[int(a_look.y)];
    v_point = vec2(0.0);
    v_size = 1.0;
    v_strength = 0.0;
    float begin = u_at_source > 0.5 || is_loop(a_ends.xy, a_ends.zw) ? 0.0 : u_travel;
    float length_s = u_at_source > 0.5 ? 0.7 : 1.1;
    float share = (u_now - a_look.x - begin) / length_s;
    if (share < 0.0 || share > 1.0) return;

    vec2 place = u_at_source > 0.5 ? a_ends.xy : a_ends.zw;
    float middle = 0.5 * (a_ends.x + a_ends.z);
    float offset = u_centre.x - middle;
    float turn = 360.0 * floor(offset / 360.0 + 0.5);
    if (u_pass > 0.5) turn += offset - turn > 0.0 ? 360.0 : -360.0;
    vec3 point = placed(place, turn);
    if (u_globe == 1.0) point.z -= 0.02;
    if (point.z < 0.0 && u_globe > 0.0) return;

    float eased = 1.0 - (1.0 - share) * (1.0 - share);
    v_size = u_at_source > 0.5 ? 2.2 : mix(1.5, a_look.w, u_travel > 0.0 ? eased : 0.6);
    v_strength = (1.0 - share) * (u_at_source > 0.5 ? 0.6 : 1.0);
    float reach = v_size + 3.0;
    vec2 corner = vec2((gl_VertexID & 1) == 0 ? -1.0 : 1.0, gl_VertexID < 2 ? -1.0 : 1.0);
    v_point = corner * reach;
    gl_Position = on_canvas(point.xy + v_point * u_pixel);
}
