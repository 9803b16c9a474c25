import os, signal
from harness import alive, eventually, run, web_image
from survival import COUNTER, LAB, capsule
END = capsule("ending", "while :; do sleep 0.05; done", more='restart = "never"')
def test_first_look(nova):
    web_image(nova); nova.novafile(LAB+COUNTER+END); nova.run("up")
    wrong=0
    for _ in range(10):
        nova.run("start","container","ending", check=False)
        pid = eventually("runs", lambda: nova.pid_of("container","ending"))
        eventually("alive", lambda: alive(pid))
        nova.kill_daemon(); os.kill(pid, 9); eventually("dead", lambda: not alive(pid))
        wrong += nova.object("container","ending")["status"]["phase"]=="Running"
        eventually("ended", lambda: nova.object("container","ending")["status"]["phase"]!="Running")
    print("untrue at first look:", wrong, "of 10")
run(globals())
