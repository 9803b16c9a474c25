    .section .rodata
    .balign 4096
    .global nova_embedded_nb_begin
nova_embedded_nb_begin:
    .incbin NB_FILE
    .global nova_embedded_nb_end
nova_embedded_nb_end:
    .byte 0
    .section .note.GNU-stack, "", @progbits
