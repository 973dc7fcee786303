"""Starts threads until it may not, says how that is said, and goes on trying."""
import threading

threading.stack_size(65536)
forever = threading.Event()
said = False
while True:
    try:
        threading.Thread(target=forever.wait, daemon=True).start()
    except RuntimeError as error:
        if not said:
            print(error, flush=True)
        said = True
