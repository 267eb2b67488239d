// A ring where an arc lands, and a spot where it sets off.
uniform vec3 u_palette[8];
uniform float u_pass;
uniform float u_at_source;      // 1: the spot at the source
out vec2 v_point;               // CSS pixels from the middle of the ring
out float v_size;               // CSS pixels of the ring's radius now
out float v_strength;
flat out vec3 v_colour;

void main() {
    vec4 ends = arc_texel(0);
    vec4 look = arc_texel(1);
    int vertex = gl_VertexID - arc_index() * u_vertices;
    int corner_index = vertex < 3 ? vertex : vertex - 2;
    gl_Position = vec4(2.0, 2.0, 0.0, 1.0);
    v_colour = u_palette[int(look.y)];
    v_point = vec2(0.0);
    v_size = 1.0;
    v_strength = 0.0;
    float begin = u_at_source > 0.5 || is_loop(ends.xy, ends.zw) ? 0.0 : u_travel;
    float length_s = u_at_source > 0.5 ? 0.7 : 1.1;
    float share = (u_now - look.x - begin) / length_s;
    if (share < 0.0 || share > 1.0) return;

    vec2 place = u_at_source > 0.5 ? ends.xy : ends.zw;
    float turn = arc_turn(ends, u_pass);
    vec3 point = placed(place, turn);
    if (u_globe == 1.0) point.z -= 0.02;
    if (point.z < 0.0 && u_globe > 0.0) return;

    float eased = 1.0 - (1.0 - share) * (1.0 - share);
    v_size = u_at_source > 0.5 ? 2.2 : mix(1.5, look.w, u_travel > 0.0 ? eased : 0.6);
    v_strength = (1.0 - share) * (u_at_source > 0.5 ? 0.6 : 1.0);
    float reach = v_size + 3.0;
    vec2 corner = vec2((corner_index & 1) == 0 ? -1.0 : 1.0, corner_index < 2 ? -1.0 : 1.0);
    v_point = corner * reach;
    gl_Position = on_canvas(point.xy + v_point * u_pixel);
}
