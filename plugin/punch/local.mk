# punch
