// One triangle that covers the canvas.
out vec2 v_point;

void main() {
    vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
    v_point = corner * u_half;
    gl_Position = vec4(corner, 0.0, 1.0);
}
