// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts between machines, by QEMU's ivshmem-doorbell (its specification is
 * docs/specs/ivshmem-spec.rst of QEMU): a word written to a register of one
 * machine's device raises an MSI-X vector of another one's. A machine without
 * the device hears of nobody.
 */
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/pci.h>

#include "muensim.h"

#define IVSHMEM_DEVICE	0x1110
#define REGISTERS	0
#define DOORBELL	12

static unsigned int wanted;
static unsigned int indices[LINES_MAX];
static void __iomem *doorbell;

/* Both machines must have the same first vector: its index is what travels. */
void muensim_ring(unsigned int machine, unsigned int index)
{
	writel(machine << 16 | index, doorbell);
}

static irqreturn_t rung(int irq, void *index)
{
	muensim_rung(*(unsigned int *)index);
	return IRQ_HANDLED;
}

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	void __iomem *registers;
	int ret;
	int i;

	if (doorbell)
		return -EBUSY;
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	registers = pcim_iomap_region(pdev, REGISTERS, "muensim");
	if (IS_ERR(registers))
		return PTR_ERR(registers);
	ret = pci_alloc_irq_vectors(pdev, wanted, wanted, PCI_IRQ_MSIX);
	if (ret < 0)
		return ret;
	for (i = 0; i < wanted; i++) {
		indices[i] = i;
		ret = request_irq(pci_irq_vector(pdev, i), rung, 0,
				  "muensim-doorbell", &indices[i]);
		if (ret)
			goto free;
	}
	pci_set_master(pdev);
	doorbell = registers + DOORBELL;
	return 0;

free:
	while (i--)
		free_irq(pci_irq_vector(pdev, i), &indices[i]);
	pci_free_irq_vectors(pdev);
	return ret;
}

/* When this module goes: nobody triggers an event any more. */
static void remove(struct pci_dev *pdev)
{
	int i;

	doorbell = NULL;
	for (i = 0; i < wanted; i++)
		free_irq(pci_irq_vector(pdev, i), &indices[i]);
	pci_free_irq_vectors(pdev);
}

static const struct pci_device_id ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT_QUMRANET, IVSHMEM_DEVICE) },
	{ }
};

static struct pci_driver driver = {
	.name = "muensim",
	.id_table = ids,
	.probe = probe,
	.remove = remove,
	.driver.suppress_bind_attrs = true,
};

/* @needed: there are events for other machines. */
int muensim_doorbells_init(unsigned int lines, bool needed)
{
	int ret;

	wanted = lines;
	ret = pci_register_driver(&driver);
	if (!ret && needed && !doorbell) {
		pci_unregister_driver(&driver);
		ret = -ENODEV;
	}
	return ret;
}

void muensim_doorbells_exit(void)
{
	pci_unregister_driver(&driver);
}
