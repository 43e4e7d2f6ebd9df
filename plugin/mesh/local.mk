# mesh
