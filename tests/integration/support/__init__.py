"""What the integration tests stand on: brokers, clients and waiting for what they do."""
