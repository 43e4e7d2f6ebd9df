# nice
