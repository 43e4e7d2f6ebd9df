# nm-integration
