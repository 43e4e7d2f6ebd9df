# ice
