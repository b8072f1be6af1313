"""What more than one service needs; knows no service."""
