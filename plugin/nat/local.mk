# nat
